ALTER TABLE "variations" ADD COLUMN "mended" text;--> statement-breakpoint
UPDATE "runs" SET "options" = '{"mode":"tools"}'::jsonb || "options";
