package import Database

/// The schema `keystone` of the API cell's database. Keystone owns every column of it.
package enum KeystoneMigrations {
    package static let schema = "keystone"
    package static var all: [Migration] { [identity, catalog] }

    static let identity = Migration(
        "0001-identity",
        """
        CREATE TABLE keystone.domains (
            id           text PRIMARY KEY,
            name         text NOT NULL UNIQUE,
            description  text NOT NULL DEFAULT '',
            enabled      bool NOT NULL DEFAULT true
        );

        CREATE TABLE keystone.projects (
            id           text PRIMARY KEY,
            name         text NOT NULL,
            domain_id    text NOT NULL REFERENCES keystone.domains ON DELETE CASCADE,
            description  text NOT NULL DEFAULT '',
            enabled      bool NOT NULL DEFAULT true,
            parent_id    text REFERENCES keystone.projects,      -- null: the domain is the parent
            tags         text[] NOT NULL DEFAULT '{}',
            extra        jsonb NOT NULL DEFAULT '{}',
            UNIQUE (domain_id, name)
        );

        CREATE TABLE keystone.users (
            id                 text PRIMARY KEY,
            name               text NOT NULL,
            domain_id          text NOT NULL REFERENCES keystone.domains ON DELETE CASCADE,
            description        text,
            enabled            bool NOT NULL DEFAULT true,
            default_project_id text,                             -- may name a project that is gone, as in Keystone
            password_hash      text,                             -- $scrypt$…; null: can't log in with a password
            tokens_not_before  timestamptz NOT NULL DEFAULT '-infinity'::timestamptz,  -- older tokens are void
            extra              jsonb NOT NULL DEFAULT '{}',
            UNIQUE (domain_id, name)
        );

        CREATE TABLE keystone.roles (
            id           text PRIMARY KEY,
            name         text NOT NULL UNIQUE,
            description  text
        );

        CREATE TABLE keystone.role_implications (
            prior_id     text NOT NULL REFERENCES keystone.roles ON DELETE CASCADE,
            implied_id   text NOT NULL REFERENCES keystone.roles ON DELETE CASCADE,
            PRIMARY KEY (prior_id, implied_id),
            CHECK (prior_id <> implied_id)
        );

        CREATE TABLE keystone.assignments (
            user_id      text NOT NULL REFERENCES keystone.users ON DELETE CASCADE,
            scope        text NOT NULL CHECK (scope IN ('project', 'domain', 'system')),
            target_id    text NOT NULL,                          -- the project, the domain, or 'all'
            role_id      text NOT NULL REFERENCES keystone.roles ON DELETE CASCADE,
            PRIMARY KEY (user_id, scope, target_id, role_id)
        );
        CREATE INDEX ON keystone.assignments (scope, target_id);
        CREATE INDEX ON keystone.assignments (role_id);

        -- Assignments name their target by kind, so no foreign key can tidy them up.
        CREATE FUNCTION keystone.forget_assignments() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            DELETE FROM keystone.assignments WHERE scope = TG_ARGV[0] AND target_id = OLD.id;
            RETURN OLD;
        END $$;
        CREATE TRIGGER forget_assignments AFTER DELETE ON keystone.projects
            FOR EACH ROW EXECUTE FUNCTION keystone.forget_assignments('project');
        CREATE TRIGGER forget_assignments AFTER DELETE ON keystone.domains
            FOR EACH ROW EXECUTE FUNCTION keystone.forget_assignments('domain');

        -- Tokens revoked before they expire; rows go when the token would have expired anyway.
        CREATE TABLE keystone.revocations (
            audit_id     text PRIMARY KEY,
            expires_at   timestamptz NOT NULL
        );
        CREATE INDEX ON keystone.revocations (expires_at);
        """)

    static let catalog = Migration(
        "0002-catalog",
        """
        CREATE TABLE keystone.regions (
            id               text PRIMARY KEY,
            description      text NOT NULL DEFAULT '',
            parent_region_id text REFERENCES keystone.regions
        );

        CREATE TABLE keystone.services (
            id           text PRIMARY KEY,
            type         text NOT NULL,
            name         text NOT NULL DEFAULT '',
            description  text NOT NULL DEFAULT '',
            enabled      bool NOT NULL DEFAULT true
        );

        CREATE TABLE keystone.endpoints (
            id           text PRIMARY KEY,
            service_id   text NOT NULL REFERENCES keystone.services ON DELETE CASCADE,
            region_id    text REFERENCES keystone.regions,
            interface    text NOT NULL CHECK (interface IN ('public', 'internal', 'admin')),
            url          text NOT NULL,
            enabled      bool NOT NULL DEFAULT true
        );
        CREATE INDEX ON keystone.endpoints (service_id, region_id, interface);
        """)
}
