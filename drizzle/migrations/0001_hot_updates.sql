-- Runs count their events and variations their progress many times a second. Half-full pages leave room for the new
-- row version beside the old one, so that these updates touch no index (heap-only tuples) and vacuum themselves.
ALTER TABLE runs SET (fillfactor = 50);--> statement-breakpoint
ALTER TABLE variations SET (fillfactor = 50);
