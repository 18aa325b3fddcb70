package import Database
internal import Feeds

/// The schema `compute` of the API cell's database, in which Nova (the HTTP process) and the SuperScheduler (the hub process)
/// meet. Every column has one owner; the comments name it.
package enum ComputeMigrations {
    package static let schema = "compute"

    package static var all: [Migration] {
        [serversAndIntents, flavorsKeysAndQuotas, cellsAndHosts] + FeedMigrations.all(schema: schema) + [
            attributesDown, hostStandingsDown, cellsAhead,
        ] + repairs + [enrolments, hostHash]
    }

    static let serversAndIntents = Migration(
        "0001-servers-and-intents",
        """
        CREATE SEQUENCE compute.placement_epoch;

        CREATE TABLE compute.servers (
            id                uuid PRIMARY KEY,
            project           text NOT NULL,
            user_id           text NOT NULL,
            -- Owned by Nova.
            name              text NOT NULL,
            description       text,
            spec              jsonb NOT NULL,            -- ServerSpec as accepted at create: flavor, image, zone, key, hints
            flavor_id         text NOT NULL,
            vcpus             int  NOT NULL,
            ram               int  NOT NULL,
            image_id          uuid,
            key_name          text,
            metadata          jsonb NOT NULL DEFAULT '{}',
            tags              text[] NOT NULL DEFAULT '{}',
            access_ipv4       text,
            access_ipv6       text,
            config_drive      bool NOT NULL DEFAULT false,
            zone              text,                      -- asked for; null: anywhere
            home_region       text,                      -- set at create; null: the federation-wide region
            locked            bool NOT NULL DEFAULT false,
            group_id          uuid,
            reservation_id    text NOT NULL,
            created_at        timestamptz NOT NULL,
            updated_at        timestamptz NOT NULL,
            last_action       int  NOT NULL DEFAULT 1,
            last_verb         text NOT NULL DEFAULT 'create',
            last_reboot_hard  bool NOT NULL DEFAULT false,
            -- Owned by the SuperScheduler: the mapping, and the API cell's own word where no cell answers.
            mapping           text NOT NULL DEFAULT 'unplaced' CHECK (mapping IN ('unplaced', 'placing', 'placed')),
            cell              text,
            epoch             bigint NOT NULL DEFAULT 0,
            placed_at         timestamptz,
            verdict           text CHECK (verdict IN ('error')),
            verdict_message   text,
            verdict_at        timestamptz,
            -- Owned by the cell, written by the feed's applier in one revision.
            revision          bigint NOT NULL DEFAULT 0,
            done_through      int  NOT NULL DEFAULT 0,
            progress          text,
            vm_state          text NOT NULL DEFAULT 'building',
            power_state       int  NOT NULL DEFAULT 0,
            host              text,
            host_zone         text,
            instance_name     text,
            launched_at       timestamptz,
            terminated_at     timestamptz,
            reported_at       timestamptz,
            fault             jsonb,
            -- Set when nothing of it is left anywhere: by Nova for an unplaced server, by the applier on the cell's report.
            deleted_at        timestamptz
        );
        CREATE INDEX servers_by_project ON compute.servers (project, created_at DESC, id DESC) WHERE deleted_at IS NULL;
        CREATE INDEX servers_by_age     ON compute.servers (created_at DESC, id DESC) WHERE deleted_at IS NULL;
        CREATE INDEX servers_unplaced   ON compute.servers (created_at) WHERE mapping = 'unplaced' AND verdict IS NULL AND deleted_at IS NULL;
        CREATE INDEX servers_by_cell    ON compute.servers (cell, id) WHERE deleted_at IS NULL;
        CREATE INDEX servers_building   ON compute.servers (created_at) WHERE done_through = 0 AND deleted_at IS NULL;
        CREATE INDEX servers_by_group   ON compute.servers (group_id) WHERE group_id IS NOT NULL AND deleted_at IS NULL;

        -- os-instance-actions, the retry queue and the request's timeline, in one.
        CREATE TABLE compute.server_actions (
            server            uuid NOT NULL REFERENCES compute.servers ON DELETE CASCADE,
            number            int  NOT NULL,
            -- Owned by Nova.
            intent            uuid NOT NULL UNIQUE,
            request           text,
            verb              text NOT NULL,
            body              jsonb NOT NULL DEFAULT '{}',   -- {"hard": true} for a hard reboot; secrets never
            project           text NOT NULL,
            user_id           text NOT NULL,
            created_at        timestamptz NOT NULL,
            deadline          timestamptz,
            api_steps         jsonb NOT NULL DEFAULT '[]',   -- [TraceStep]
            -- Owned by the SuperScheduler. pending: the cell hasn't said it has it.
            delivery          text NOT NULL DEFAULT 'pending' CHECK (delivery IN ('pending', 'stored', 'settled')),
            ledger            jsonb,                          -- PlacementLedger, of a create
            placement_steps   jsonb NOT NULL DEFAULT '[]',
            -- Owned by the cell, written by the feed's applier.
            state             text,                           -- ActionReport.State
            message           text,
            started_at        timestamptz,
            finished_at       timestamptz,
            steps             jsonb NOT NULL DEFAULT '[]',
            PRIMARY KEY (server, number)
        );
        CREATE INDEX server_actions_pending ON compute.server_actions (server, number) WHERE delivery = 'pending';

        -- Optional Idempotency-Key of POST /servers, kept 24 h.
        CREATE TABLE compute.idempotency_keys (
            project      text NOT NULL,
            key          text NOT NULL,
            body_hash    text NOT NULL,
            server       uuid NOT NULL,
            answer       text NOT NULL,
            created_at   timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (project, key)
        );
        """)

    static let flavorsKeysAndQuotas = Migration(
        "0002-flavors-keys-and-quotas",
        """
        CREATE TABLE compute.flavors (
            id            text PRIMARY KEY,
            name          text NOT NULL UNIQUE,
            vcpus         int NOT NULL CHECK (vcpus >= 1),
            ram           int NOT NULL CHECK (ram >= 1),
            disk          int NOT NULL CHECK (disk >= 0),
            ephemeral     int NOT NULL DEFAULT 0,
            swap          int NOT NULL DEFAULT 0,
            rxtx_factor   double precision NOT NULL DEFAULT 1.0,
            is_public     bool NOT NULL DEFAULT true,
            disabled      bool NOT NULL DEFAULT false,
            description   text,
            extra_specs   jsonb NOT NULL DEFAULT '{}',
            created_at    timestamptz NOT NULL DEFAULT now()
        );
        CREATE TABLE compute.flavor_access (
            flavor   text NOT NULL REFERENCES compute.flavors ON DELETE CASCADE,
            project  text NOT NULL,
            PRIMARY KEY (flavor, project)
        );
        CREATE TABLE compute.keypairs (
            user_id      text NOT NULL,
            name         text NOT NULL,
            type         text NOT NULL DEFAULT 'ssh',
            fingerprint  text NOT NULL,
            public_key   text NOT NULL,
            created_at   timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (user_id, name)
        );
        -- Limits an administrator set; what has no row has the default.
        CREATE TABLE compute.quota_limits (
            project   text NOT NULL,       -- '' for the default class
            resource  text NOT NULL,
            hard_limit bigint NOT NULL,
            PRIMARY KEY (project, resource)
        );
        CREATE TABLE compute.server_groups (
            id        uuid PRIMARY KEY,
            project   text NOT NULL,
            user_id   text NOT NULL,
            name      text NOT NULL,
            policy    text NOT NULL,
            max_server_per_host int NOT NULL DEFAULT 1,
            cell      text,                -- pinned by the first reserve of an affinity group
            created_at timestamptz NOT NULL DEFAULT now()
        );
        """)

    static let cellsAndHosts = Migration(
        "0003-cells-and-hosts",
        """
        CREATE TABLE compute.cells (
            name             text PRIMARY KEY,
            -- Owned by operators.
            disabled         bool NOT NULL DEFAULT false,     -- draining: no new servers
            disabled_reason  text,
            -- Owned by the SuperScheduler.
            summary          jsonb,                           -- CellSummary
            release          text,
            highest_epoch    bigint NOT NULL DEFAULT 0,
            joined_at        timestamptz NOT NULL DEFAULT now()
        );
        -- When each cell was last in contact: a round trip on its link. Rewritten every second, so unlogged: after a crash of the
        -- database the next second fills it again.
        CREATE UNLOGGED TABLE compute.cell_contacts (
            cell          text PRIMARY KEY,
            last_contact  timestamptz NOT NULL
        );
        CREATE TABLE compute.hosts (
            number        bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
            id            uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
            service_id    uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
            name          text PRIMARY KEY,
            cell          text NOT NULL REFERENCES compute.cells ON DELETE CASCADE,
            revision      bigint NOT NULL,
            report        jsonb NOT NULL,                     -- HostReport, the cell's
            created_at    timestamptz NOT NULL DEFAULT now(),
            -- Owned by operators, sent down as an order is: an administrator's enable and disable.
            wanted_disabled bool,
            wanted_reason text
        );
        CREATE INDEX hosts_by_cell ON compute.hosts (cell);
        -- What happened, in order, for `event watch`; kept for a day.
        CREATE TABLE compute.events (
            number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            at         timestamptz NOT NULL DEFAULT now(),
            kind       text NOT NULL,                         -- compute.instance.create.end, host.down, cell.silent, …
            project    text,
            server     uuid,
            cell       text,
            payload    jsonb NOT NULL DEFAULT '{}'
        );
        CREATE INDEX events_by_age ON compute.events (at);
        """)

    static let attributesDown = Migration(
        "0004-attributes-down",
        """
        -- What the API cell owns of a server and its cell needs: told by the feed down whenever it changes.
        CREATE FUNCTION compute.tell_attributes() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO compute.feed_outbox (feed, kind, object) VALUES ('down/' || NEW.cell, 'attributes', NEW.id::text);
            RETURN NULL;
        END $$;
        CREATE TRIGGER tell_attributes AFTER UPDATE OF name, metadata, key_name ON compute.servers
        FOR EACH ROW WHEN (NEW.cell IS NOT NULL AND (OLD.name, OLD.metadata, OLD.key_name) IS DISTINCT FROM (NEW.name, NEW.metadata, NEW.key_name))
        EXECUTE FUNCTION compute.tell_attributes();
        """)

    static let hostStandingsDown = Migration(
        "0005-host-standings-down",
        """
        CREATE FUNCTION compute.tell_host_standing() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO compute.feed_outbox (feed, kind, object) VALUES ('down/' || NEW.cell, 'host', NEW.name);
            RETURN NULL;
        END $$;
        CREATE TRIGGER tell_host_standing AFTER UPDATE OF wanted_disabled, wanted_reason ON compute.hosts
        FOR EACH ROW WHEN ((OLD.wanted_disabled, OLD.wanted_reason) IS DISTINCT FROM (NEW.wanted_disabled, NEW.wanted_reason))
        EXECUTE FUNCTION compute.tell_host_standing();
        """)
}
