CREATE TABLE "agents" (
	"id" serial PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"kind" text DEFAULT 'builtin' NOT NULL,
	"provider" text NOT NULL,
	"model" text NOT NULL,
	"base_url" text,
	"api_key" "bytea",
	"scenario" jsonb,
	"instructions" text,
	"temperature" double precision DEFAULT 0 NOT NULL,
	"max_tokens" integer DEFAULT 8192 NOT NULL,
	"context_tokens" integer DEFAULT 128000 NOT NULL,
	"fallback" text,
	"price" jsonb,
	"from_environment" boolean DEFAULT false NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "checkpoints" (
	"id" serial PRIMARY KEY NOT NULL,
	"variation_id" integer NOT NULL,
	"number" integer NOT NULL,
	"epoch" integer NOT NULL,
	"base_sha" text NOT NULL,
	"patch" "bytea" NOT NULL,
	"sha256" text NOT NULL,
	"stat" jsonb NOT NULL,
	"step" integer NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "checks" (
	"id" serial PRIMARY KEY NOT NULL,
	"run_id" integer NOT NULL,
	"variation_id" integer,
	"name" text NOT NULL,
	"command" text NOT NULL,
	"required" boolean NOT NULL,
	"exit_code" integer,
	"result" text NOT NULL,
	"duration_ms" integer NOT NULL,
	"output" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "events" (
	"run_id" integer NOT NULL,
	"seq" bigint NOT NULL,
	"variation" integer,
	"type" text NOT NULL,
	"payload" jsonb NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "events_run_id_seq_pk" PRIMARY KEY("run_id","seq")
);
--> statement-breakpoint
CREATE TABLE "idempotency_keys" (
	"scope" text NOT NULL,
	"key" text NOT NULL,
	"body_sha256" text NOT NULL,
	"resource_id" integer NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "idempotency_keys_scope_key_pk" PRIMARY KEY("scope","key")
);
--> statement-breakpoint
CREATE TABLE "projects" (
	"id" serial PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"repo_url" text,
	"local_path" text,
	"default_branch" text,
	"setup" text,
	"checks" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"network" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"allowed_commands" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"executor" text,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "projects_one_source" CHECK (num_nonnulls("projects"."repo_url", "projects"."local_path") = 1)
);
--> statement-breakpoint
CREATE TABLE "runs" (
	"id" serial PRIMARY KEY NOT NULL,
	"project_id" integer NOT NULL,
	"name" text NOT NULL,
	"goal" text NOT NULL,
	"description" text,
	"instructions" text,
	"run_type" text DEFAULT 'agent' NOT NULL,
	"task_type" text DEFAULT 'general' NOT NULL,
	"priority" integer DEFAULT 5 NOT NULL,
	"status" text NOT NULL,
	"base" text,
	"base_sha" text,
	"options" jsonb NOT NULL,
	"context" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"metadata" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"scheduled_at" timestamp (3) with time zone,
	"usage" jsonb DEFAULT '{"input_tokens":0,"output_tokens":0,"cached_tokens":0,"reasoning_tokens":0,"model_calls":0,"cost_usd":0}'::jsonb NOT NULL,
	"result" text,
	"error" jsonb,
	"seq" bigint DEFAULT 0 NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"started_at" timestamp (3) with time zone,
	"completed_at" timestamp (3) with time zone,
	CONSTRAINT "runs_priority" CHECK ("runs"."priority" between 1 and 10)
);
--> statement-breakpoint
CREATE TABLE "settings" (
	"key" text PRIMARY KEY NOT NULL,
	"value" jsonb NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "variations" (
	"id" serial PRIMARY KEY NOT NULL,
	"run_id" integer NOT NULL,
	"position" integer NOT NULL,
	"agent_id" integer NOT NULL,
	"status" text DEFAULT 'queued' NOT NULL,
	"wanted" text,
	"epoch" integer DEFAULT 0 NOT NULL,
	"job_epoch" integer DEFAULT 0 NOT NULL,
	"attempt" integer DEFAULT 0 NOT NULL,
	"retry_count" integer DEFAULT 0 NOT NULL,
	"iteration" integer DEFAULT 1 NOT NULL,
	"progress_percentage" integer DEFAULT 0 NOT NULL,
	"current_step" text,
	"plan" jsonb,
	"branch" text,
	"commit_sha" text,
	"patch" jsonb,
	"usage" jsonb DEFAULT '{"input_tokens":0,"output_tokens":0,"cached_tokens":0,"reasoning_tokens":0,"model_calls":0,"cost_usd":0}'::jsonb NOT NULL,
	"result" text,
	"error" jsonb,
	"worker" text,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"started_at" timestamp (3) with time zone,
	"completed_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "workers" (
	"id" text PRIMARY KEY NOT NULL,
	"host" text NOT NULL,
	"pid" integer NOT NULL,
	"concurrency" integer NOT NULL,
	"version" text NOT NULL,
	"sandbox" text NOT NULL,
	"sandbox_detail" text,
	"started_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"heard_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "checkpoints" ADD CONSTRAINT "checkpoints_variation_id_variations_id_fk" FOREIGN KEY ("variation_id") REFERENCES "public"."variations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "checks" ADD CONSTRAINT "checks_run_id_runs_id_fk" FOREIGN KEY ("run_id") REFERENCES "public"."runs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "checks" ADD CONSTRAINT "checks_variation_id_variations_id_fk" FOREIGN KEY ("variation_id") REFERENCES "public"."variations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "events" ADD CONSTRAINT "events_run_id_runs_id_fk" FOREIGN KEY ("run_id") REFERENCES "public"."runs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "runs" ADD CONSTRAINT "runs_project_id_projects_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "variations" ADD CONSTRAINT "variations_run_id_runs_id_fk" FOREIGN KEY ("run_id") REFERENCES "public"."runs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "variations" ADD CONSTRAINT "variations_agent_id_agents_id_fk" FOREIGN KEY ("agent_id") REFERENCES "public"."agents"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "agents_name" ON "agents" USING btree ("name");--> statement-breakpoint
CREATE UNIQUE INDEX "checkpoints_of_variation" ON "checkpoints" USING btree ("variation_id","number");--> statement-breakpoint
CREATE UNIQUE INDEX "checks_of_base" ON "checks" USING btree ("run_id","name") WHERE "checks"."variation_id" is null;--> statement-breakpoint
CREATE UNIQUE INDEX "checks_of_variation" ON "checks" USING btree ("variation_id","name") WHERE "checks"."variation_id" is not null;--> statement-breakpoint
CREATE INDEX "events_of_variation" ON "events" USING btree ("run_id","variation","seq");--> statement-breakpoint
CREATE INDEX "idempotency_keys_age" ON "idempotency_keys" USING btree ("created_at");--> statement-breakpoint
CREATE UNIQUE INDEX "projects_name" ON "projects" USING btree ("name");--> statement-breakpoint
CREATE INDEX "projects_source" ON "projects" USING btree (coalesce("repo_url", "local_path"));--> statement-breakpoint
CREATE INDEX "runs_by_priority" ON "runs" USING btree ("priority" DESC NULLS FIRST,"created_at" DESC NULLS FIRST,"id" DESC NULLS FIRST);--> statement-breakpoint
CREATE INDEX "runs_live_first" ON "runs" USING btree (("completed_at" is null) desc nulls first,"created_at" DESC NULLS FIRST,"id" DESC NULLS FIRST);--> statement-breakpoint
CREATE INDEX "runs_newest" ON "runs" USING btree ("created_at" DESC NULLS FIRST,"id" DESC NULLS FIRST);--> statement-breakpoint
CREATE INDEX "runs_by_status" ON "runs" USING btree ("status","priority" DESC NULLS FIRST,"created_at" DESC NULLS FIRST,"id" DESC NULLS FIRST);--> statement-breakpoint
CREATE INDEX "runs_by_project" ON "runs" USING btree ("project_id","created_at" DESC NULLS FIRST,"id" DESC NULLS FIRST);--> statement-breakpoint
CREATE UNIQUE INDEX "variations_of_run" ON "variations" USING btree ("run_id","position");--> statement-breakpoint
CREATE INDEX "variations_live" ON "variations" USING btree ("status","id") WHERE "variations"."status" in ('queued', 'running');--> statement-breakpoint
CREATE INDEX "variations_by_agent" ON "variations" USING btree ("agent_id");