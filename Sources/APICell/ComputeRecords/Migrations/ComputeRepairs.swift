internal import Database

/// What the schema learned after its first release.
extension ComputeMigrations {
    static var repairs: [Migration] { [settledActions, eventsInOrder, groupPins, countedAttributes, lockedBy] }

    /// Actions of servers that are gone, and verdicts of servers that wait for a cell again, were left as they stood.
    static let settledActions = Migration(
        "0020-settled-actions",
        """
        UPDATE compute.server_actions a SET delivery = 'settled', finished_at = coalesce(a.finished_at, s.deleted_at),
            state = coalesce(a.state, CASE WHEN a.verb = 'delete' THEN 'done' ELSE 'interrupted' END)
        FROM compute.servers s WHERE s.id = a.server AND s.deleted_at IS NOT NULL AND a.delivery <> 'settled';

        UPDATE compute.servers s SET verdict = NULL, verdict_message = NULL, verdict_at = NULL
        FROM compute.server_actions a
        WHERE a.server = s.id AND a.number = 1 AND a.delivery = 'pending' AND s.mapping = 'unplaced' AND s.verdict IS NOT NULL
            AND s.deleted_at IS NULL;
        """)

    static let eventsInOrder = Migration(
        "0021-events-in-order",
        """
        -- Whoever writes an event, of whichever process, waits for the one before to commit: a number that is drawn later commits later, so
        -- that a watcher whose cursor stands at n has seen everything before n. Rows of servers are locked before this, never after.
        CREATE FUNCTION compute.one_event_after_the_other() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM pg_advisory_xact_lock(hashtextextended('compute.events', 0));
            RETURN NULL;
        END $$;
        CREATE TRIGGER one_event_after_the_other BEFORE INSERT ON compute.events
        FOR EACH STATEMENT EXECUTE FUNCTION compute.one_event_after_the_other();

        -- Events up to here have been forgotten: a cursor before it has missed some.
        CREATE TABLE compute.events_forgotten (
            only_one  bool PRIMARY KEY DEFAULT true CHECK (only_one),
            through   bigint NOT NULL
        );
        INSERT INTO compute.events_forgotten (through) SELECT coalesce(min(number), 1) - 1 FROM compute.events;
        """)

    static let groupPins = Migration(
        "0022-group-pins",
        """
        -- A group is pinned to a cell for as long as the cell has, or is given, a member of it. The second statement sees what was committed
        -- while the first waited for whoever is placing a member.
        CREATE FUNCTION compute.unpin(pinned uuid) RETURNS bool LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM 1 FROM compute.server_groups WHERE id = pinned FOR UPDATE;
            UPDATE compute.server_groups SET cell = NULL
            WHERE id = pinned AND cell IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM compute.servers s WHERE s.group_id = pinned AND s.cell IS NOT NULL AND s.deleted_at IS NULL);
            RETURN FOUND;
        END $$;
        CREATE FUNCTION compute.member_left() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM compute.unpin(NEW.group_id);
            RETURN NULL;
        END $$;
        CREATE TRIGGER member_left AFTER UPDATE OF cell, deleted_at ON compute.servers
        FOR EACH ROW WHEN (NEW.group_id IS NOT NULL AND (
            OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL OR OLD.cell IS NOT NULL AND NEW.cell IS NULL))
        EXECUTE FUNCTION compute.member_left();
        SELECT compute.unpin(id) FROM compute.server_groups WHERE cell IS NOT NULL;
        """)

    static let countedAttributes = Migration(
        "0023-counted-attributes",
        """
        -- How often what the API cell owns of a server and its cell needs has changed, and how often it had when the server was placed. A
        -- clock would not do: it steps, and transactions don't commit in the order in which they read it.
        ALTER TABLE compute.servers ADD COLUMN attributes_revision bigint NOT NULL DEFAULT 0,
            ADD COLUMN placed_attributes bigint NOT NULL DEFAULT 0;
        CREATE FUNCTION compute.count_attributes() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.attributes_revision := OLD.attributes_revision + 1;
            RETURN NEW;
        END $$;
        CREATE TRIGGER count_attributes BEFORE UPDATE OF name, metadata, key_name ON compute.servers
        FOR EACH ROW WHEN ((OLD.name, OLD.metadata, OLD.key_name) IS DISTINCT FROM (NEW.name, NEW.metadata, NEW.key_name))
        EXECUTE FUNCTION compute.count_attributes();
        -- A change between the placing and the cell's first report may have reached the cell before the create did, which carries what was
        -- true when the server was placed: then it is told again.
        CREATE TRIGGER tell_attributes_again AFTER UPDATE OF revision ON compute.servers
        FOR EACH ROW WHEN (
            OLD.revision = 0 AND NEW.revision > 0 AND NEW.cell IS NOT NULL AND NEW.attributes_revision <> NEW.placed_attributes)
        EXECUTE FUNCTION compute.tell_attributes();
        """)

    static let lockedBy = Migration(
        "0024-locked-by",
        """
        ALTER TABLE compute.servers ADD COLUMN locked_by text CHECK (locked_by IN ('owner', 'admin'));
        COMMENT ON COLUMN compute.servers.locked_by IS 'Owned by Nova: its project, or an administrator beside it; null when not locked.';
        """)

    static let hostHash = Migration(
        "0026-host-hash",
        """
        -- Nova's hostId: a tenant can tell hosts apart by it, and no more. Made when the row is written: lists would make it for every server.
        ALTER TABLE compute.servers ADD COLUMN host_hash text NOT NULL GENERATED ALWAYS AS
            (CASE WHEN host IS NULL THEN '' ELSE encode(sha224(replace(project || host, '\\', '\\\\')::bytea), 'hex') END) STORED;
        """)
}
