CREATE TABLE "landings" (
	"id" serial PRIMARY KEY NOT NULL,
	"run_id" integer NOT NULL,
	"variation" integer NOT NULL,
	"request" jsonb NOT NULL,
	"status" text DEFAULT 'wanted' NOT NULL,
	"worker" text,
	"epoch" integer DEFAULT 0 NOT NULL,
	"tries" integer DEFAULT 0 NOT NULL,
	"not_before" timestamp (3) with time zone,
	"branch" text,
	"target" text,
	"target_sha" text,
	"commit_sha" text,
	"pull_request" jsonb,
	"error" jsonb,
	"polled_at" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"landed_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "verdicts" (
	"id" serial PRIMARY KEY NOT NULL,
	"run_id" integer NOT NULL,
	"status" text DEFAULT 'wanted' NOT NULL,
	"asked_by" text DEFAULT 'run' NOT NULL,
	"worker" text,
	"epoch" integer DEFAULT 0 NOT NULL,
	"tries" integer DEFAULT 0 NOT NULL,
	"not_before" timestamp (3) with time zone,
	"answers" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"verdict" jsonb,
	"usage" jsonb DEFAULT '{"input_tokens":0,"output_tokens":0,"cached_tokens":0,"reasoning_tokens":0,"model_calls":0,"cost_usd":0}'::jsonb NOT NULL,
	"seq" bigint DEFAULT 0 NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"given_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "webhook_deliveries" (
	"source" text NOT NULL,
	"id" text NOT NULL,
	"received_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "webhook_deliveries_source_id_pk" PRIMARY KEY("source","id")
);
--> statement-breakpoint
ALTER TABLE "checks" ADD COLUMN "flaky" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "checks" ADD COLUMN "confirmed" boolean DEFAULT true NOT NULL;--> statement-breakpoint
ALTER TABLE "checks" ADD COLUMN "counts" jsonb;--> statement-breakpoint
ALTER TABLE "checks" ADD COLUMN "on_base_tests" jsonb;--> statement-breakpoint
ALTER TABLE "checks" ADD COLUMN "seq" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "projects" ADD COLUMN "checks_set" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "projects" ADD COLUMN "token" "bytea";--> statement-breakpoint
ALTER TABLE "projects" ADD COLUMN "token_user" text;--> statement-breakpoint
ALTER TABLE "runs" ADD COLUMN "winner" integer;--> statement-breakpoint
ALTER TABLE "runs" ADD COLUMN "winner_by" text;--> statement-breakpoint
ALTER TABLE "runs" ADD COLUMN "winner_note" text;--> statement-breakpoint
ALTER TABLE "runs" ADD COLUMN "winner_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "runs" ADD COLUMN "flow" integer;--> statement-breakpoint
ALTER TABLE "runs" ADD COLUMN "flow_place" integer;--> statement-breakpoint
ALTER TABLE "variations" ADD COLUMN "iterations_before" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "variations" ADD COLUMN "kind" text DEFAULT 'agent' NOT NULL;--> statement-breakpoint
ALTER TABLE "variations" ADD COLUMN "graft" jsonb;--> statement-breakpoint
ALTER TABLE "variations" ADD COLUMN "flags" jsonb DEFAULT '[]'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "variations" ADD COLUMN "feedback" text;--> statement-breakpoint
ALTER TABLE "landings" ADD CONSTRAINT "landings_run_id_runs_id_fk" FOREIGN KEY ("run_id") REFERENCES "public"."runs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "verdicts" ADD CONSTRAINT "verdicts_run_id_runs_id_fk" FOREIGN KEY ("run_id") REFERENCES "public"."runs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "landings_of_run" ON "landings" USING btree ("run_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "landings_live" ON "landings" USING btree ("run_id") WHERE "landings"."status" not in ('failed', 'undone');--> statement-breakpoint
CREATE INDEX "landings_to_do" ON "landings" USING btree ("id") WHERE "landings"."status" in ('wanted', 'landing', 'undo_wanted', 'undoing');--> statement-breakpoint
CREATE INDEX "landings_to_watch" ON "landings" USING btree ("polled_at") WHERE "landings"."status" = 'landed' and "landings"."pull_request"->>'state' = 'open';--> statement-breakpoint
CREATE INDEX "verdicts_of_run" ON "verdicts" USING btree ("run_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "verdicts_open" ON "verdicts" USING btree ("run_id") WHERE "verdicts"."status" in ('wanted', 'judging');--> statement-breakpoint
CREATE INDEX "verdicts_to_give" ON "verdicts" USING btree ("id") WHERE "verdicts"."status" in ('wanted', 'judging');--> statement-breakpoint
CREATE INDEX "webhook_deliveries_age" ON "webhook_deliveries" USING btree ("received_at");--> statement-breakpoint
CREATE INDEX "runs_of_flow" ON "runs" USING btree ("flow","flow_place") WHERE "runs"."flow" is not null;--> statement-breakpoint
UPDATE "runs" SET "options" = '{"max_iterations":1,"stop_losers":false,"pick":"person","land":null}'::jsonb || "options";--> statement-breakpoint
UPDATE "projects" SET "checks_set" = true WHERE jsonb_array_length("checks") > 0;
