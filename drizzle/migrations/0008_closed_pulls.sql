DROP INDEX "landings_to_watch";--> statement-breakpoint
CREATE INDEX "landings_to_watch" ON "landings" USING btree ("polled_at") WHERE "landings"."status" = 'landed' and "landings"."pull_request" is not null
          and ("landings"."pull_request"->>'state' in ('open', 'closed') or "landings"."polled_at" is null);