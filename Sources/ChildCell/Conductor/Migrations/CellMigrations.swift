package import Database
internal import Feeds

/// The schema `cell` of a child cell's own database. The conductor alone writes it.
package enum CellMigrations {
    package static let schema = "cell"

    package static var all: [Migration] {
        FeedMigrations.all(schema: schema) + [hostsAndClaims, servers, standing, awaitedHosts, warmUp]
    }

    static let hostsAndClaims = Migration(
        "0002-hosts-and-claims",
        """
        CREATE TABLE cell.hosts (
            name             text PRIMARY KEY,
            zone             text NOT NULL,
            inventory        jsonb NOT NULL,            -- HostInventory as the host reported it
            total_vcpus      int NOT NULL,              -- after the allocation ratios
            total_ram        int NOT NULL,              -- MiB
            total_disk       int NOT NULL,              -- GiB
            used_vcpus       int NOT NULL DEFAULT 0,    -- the sum of its claims, kept in the claims' own transactions
            used_ram         int NOT NULL DEFAULT 0,
            used_disk        int NOT NULL DEFAULT 0,
            enabled          bool NOT NULL DEFAULT true,
            disabled_reason  text,
            up               bool NOT NULL DEFAULT true,
            last_seen        timestamptz NOT NULL,
            release          text NOT NULL,
            revision         bigint NOT NULL DEFAULT 1
        );
        -- The room of a server on a host. Without an intent it ends at expires_at; with one it stays until released.
        CREATE TABLE cell.claims (
            server      uuid PRIMARY KEY,
            epoch       bigint NOT NULL,
            host        text NOT NULL REFERENCES cell.hosts,
            vcpus       int NOT NULL,
            ram         int NOT NULL,
            disk        int NOT NULL,
            group_id    uuid,
            expires_at  timestamptz
        );
        CREATE INDEX claims_by_group ON cell.claims (group_id, host) WHERE group_id IS NOT NULL;
        CREATE INDEX claims_expiring ON cell.claims (expires_at) WHERE expires_at IS NOT NULL;
        """)

    static let servers = Migration(
        "0003-servers",
        """
        -- One record a server (ServerRecord), with the columns beside it that queries need. A settled one is a tombstone.
        CREATE TABLE cell.servers (
            id        uuid PRIMARY KEY,
            epoch     bigint NOT NULL,
            host      text,
            vm_state  text NOT NULL,
            ordered   bool NOT NULL,                    -- its host has to know of it
            seeking   bool NOT NULL,                    -- it waits for another host
            due       timestamptz,                      -- when time alone changes something
            record    jsonb NOT NULL
        );
        CREATE INDEX servers_ordered ON cell.servers (host) WHERE ordered;
        CREATE INDEX servers_due     ON cell.servers (due) WHERE due IS NOT NULL;
        CREATE INDEX servers_seeking ON cell.servers (id) WHERE seeking;
        """)

    static let standing = Migration(
        "0004-standing",
        """
        -- What the cell remembers of itself: the highest placement epoch seen, and whether it is recovering from a restore.
        CREATE TABLE cell.standing (
            singleton      bool PRIMARY KEY DEFAULT true CHECK (singleton),
            highest_epoch  bigint NOT NULL DEFAULT 0,
            recovering     text
        );
        INSERT INTO cell.standing DEFAULT VALUES;
        -- Guests that hosts have and nobody has ordered: kept running, listed for operators (`meridian cell drift`).
        CREATE TABLE cell.strangers (
            server    uuid NOT NULL,
            host      text NOT NULL,
            epoch     bigint NOT NULL,
            power     int NOT NULL,
            spec      jsonb,
            seen_at   timestamptz NOT NULL,
            PRIMARY KEY (server, host)
        );
        """)

    static let awaitedHosts = Migration(
        "0005-awaited-hosts",
        """
        -- Hosts that have not said since the last restore what they have: servers that nobody else has may be there.
        ALTER TABLE cell.standing ADD COLUMN awaited text[] NOT NULL DEFAULT '{}';
        """)

    static let warmUp = Migration(
        "0006-warm-up",
        """
        -- When the region had the images that a new one should have; NULL: it is still to fetch them.
        ALTER TABLE cell.standing ADD COLUMN warmed_at timestamptz;
        """)
}
