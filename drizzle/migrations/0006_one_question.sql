DROP INDEX "approvals_of_variation";--> statement-breakpoint
ALTER TABLE "variations" ADD COLUMN "saved_seq" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE UNIQUE INDEX "approvals_of_variation" ON "approvals" USING btree ("variation_id","kind","key") WHERE "approvals"."withdrawn_at" is null;