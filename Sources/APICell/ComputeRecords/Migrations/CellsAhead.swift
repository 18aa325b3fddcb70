internal import Database

extension ComputeMigrations {
    static let cellsAhead = Migration(
        "0006-cells-ahead",
        """
        -- The cell has seen a later placement than this database had drawn when it said hello: the database was restored from a backup.
        -- Set by the SuperScheduler, cleared only by an operator: the draws for other cells soon pass the number, and would hide it.
        ALTER TABLE compute.cells ADD COLUMN IF NOT EXISTS ahead bool NOT NULL DEFAULT false;
        -- An operator has seen to it: placements go on above everything that any cell has seen. Returns where they go on. A million above,
        -- so that a running SuperScheduler, which draws meanwhile, is never set back.
        CREATE OR REPLACE FUNCTION compute.raise_placement_epoch() RETURNS bigint LANGUAGE sql AS $$
            UPDATE compute.cells SET ahead = false WHERE ahead;
            SELECT setval('compute.placement_epoch',
                greatest((SELECT max(highest_epoch) FROM compute.cells), (SELECT last_value FROM compute.placement_epoch)) + 1000000);
        $$;
        """)
}
