CREATE TABLE "approvals" (
	"id" serial PRIMARY KEY NOT NULL,
	"run_id" integer NOT NULL,
	"variation_id" integer NOT NULL,
	"kind" text NOT NULL,
	"key" text NOT NULL,
	"question" jsonb NOT NULL,
	"decision" text,
	"comment" text,
	"plan" text,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"reminded_at" timestamp (3) with time zone,
	"decided_at" timestamp (3) with time zone,
	"withdrawn_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "directives" (
	"id" serial PRIMARY KEY NOT NULL,
	"run_id" integer NOT NULL,
	"variation_id" integer NOT NULL,
	"text" text NOT NULL,
	"path" text,
	"line" integer,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"delivered_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "run_dependencies" (
	"run_id" integer NOT NULL,
	"depends_on" integer NOT NULL,
	CONSTRAINT "run_dependencies_run_id_depends_on_pk" PRIMARY KEY("run_id","depends_on")
);
--> statement-breakpoint
ALTER TABLE "checkpoints" ADD COLUMN "seq" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "checkpoints" ADD COLUMN "lineage" jsonb DEFAULT '[]'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "checkpoints" ADD COLUMN "past_from" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "runs" ADD COLUMN "base_run" integer;--> statement-breakpoint
ALTER TABLE "runs" ADD COLUMN "on_dependency_failure" text DEFAULT 'fail' NOT NULL;--> statement-breakpoint
ALTER TABLE "runs" ADD COLUMN "estimated_duration" integer;--> statement-breakpoint
ALTER TABLE "runs" ADD COLUMN "thinned_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "variations" ADD COLUMN "batch" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "variations" ADD COLUMN "losses" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "variations" ADD COLUMN "tries" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "variations" ADD COLUMN "not_before" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "variations" ADD COLUMN "held" text;--> statement-breakpoint
ALTER TABLE "variations" ADD COLUMN "worked_ms" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "variations" ADD COLUMN "steps_before" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "variations" ADD COLUMN "lineage" jsonb DEFAULT '[]'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "variations" ADD COLUMN "past_from" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "variations" ADD COLUMN "checkpoint" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "variations" ADD COLUMN "reserved_tokens" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "variations" ADD COLUMN "reserved_usd" double precision DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "workers" ADD COLUMN "backend_pid" integer;--> statement-breakpoint
ALTER TABLE "workers" ADD COLUMN "backend_start" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "approvals" ADD CONSTRAINT "approvals_run_id_runs_id_fk" FOREIGN KEY ("run_id") REFERENCES "public"."runs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "approvals" ADD CONSTRAINT "approvals_variation_id_variations_id_fk" FOREIGN KEY ("variation_id") REFERENCES "public"."variations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "directives" ADD CONSTRAINT "directives_run_id_runs_id_fk" FOREIGN KEY ("run_id") REFERENCES "public"."runs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "directives" ADD CONSTRAINT "directives_variation_id_variations_id_fk" FOREIGN KEY ("variation_id") REFERENCES "public"."variations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "run_dependencies" ADD CONSTRAINT "run_dependencies_run_id_runs_id_fk" FOREIGN KEY ("run_id") REFERENCES "public"."runs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "run_dependencies" ADD CONSTRAINT "run_dependencies_depends_on_runs_id_fk" FOREIGN KEY ("depends_on") REFERENCES "public"."runs"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "approvals_of_run" ON "approvals" USING btree ("run_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "approvals_of_variation" ON "approvals" USING btree ("variation_id","kind","key");--> statement-breakpoint
CREATE INDEX "approvals_open" ON "approvals" USING btree ("created_at") WHERE "approvals"."decision" is null and "approvals"."withdrawn_at" is null;--> statement-breakpoint
CREATE INDEX "directives_of_run" ON "directives" USING btree ("run_id","id");--> statement-breakpoint
CREATE INDEX "directives_waiting" ON "directives" USING btree ("variation_id","id") WHERE "directives"."delivered_at" is null;--> statement-breakpoint
CREATE INDEX "run_dependencies_back" ON "run_dependencies" USING btree ("depends_on");--> statement-breakpoint
CREATE INDEX "runs_pending" ON "runs" USING btree ("id") WHERE "runs"."status" = 'pending';--> statement-breakpoint
CREATE INDEX "runs_to_thin" ON "runs" USING btree ("completed_at") WHERE "runs"."thinned_at" is null;--> statement-breakpoint
CREATE INDEX "variations_held" ON "variations" USING btree ("id") WHERE "variations"."held" is not null;--> statement-breakpoint
UPDATE "runs" SET "options" = '{"max_retries":3,"approval":"none"}'::jsonb || "options";--> statement-breakpoint
UPDATE "variations" v SET "checkpoint" = c."number" FROM (SELECT "variation_id", max("number") AS "number" FROM "checkpoints" GROUP BY 1) c WHERE c."variation_id" = v."id";--> statement-breakpoint
UPDATE "checkpoints" c SET "seq" = e."seq" FROM "variations" v, "events" e WHERE v."id" = c."variation_id" AND e."run_id" = v."run_id" AND e."variation" = v."position" AND e."type" = 'checkpoint.saved' AND (e."payload"->>'checkpoint')::int = c."number";
