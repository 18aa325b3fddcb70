package import Database

/// The schema `glance` of the API cell's database. Only Glance reads or writes it.
package enum GlanceMigrations {
    package static let schema = "glance"
    package static var all: [Migration] { [images, deactivation] }

    static let deactivation = Migration(
        "0002-deactivation",
        """
        ALTER TABLE glance.images DROP CONSTRAINT images_status_check;
        ALTER TABLE glance.images ADD CONSTRAINT images_status_check
            CHECK (status IN ('queued', 'saving', 'active', 'killed', 'deactivated', 'deleted'));
        """)

    static let images = Migration(
        "0001-images",
        """
        CREATE TABLE glance.images (
            id                uuid PRIMARY KEY,
            name              text,
            status            text NOT NULL CHECK (status IN ('queued', 'saving', 'active', 'killed', 'deleted')),
            visibility        text NOT NULL CHECK (visibility IN ('public', 'private', 'shared', 'community')),
            owner             text,
            protected         bool NOT NULL DEFAULT false,
            os_hidden         bool NOT NULL DEFAULT false,
            disk_format       text,
            container_format  text,
            min_disk          bigint NOT NULL DEFAULT 0,
            min_ram           bigint NOT NULL DEFAULT 0,
            size              bigint,
            virtual_size      bigint,
            checksum          text,
            os_hash_value     text,
            tags              text[] NOT NULL DEFAULT '{}',
            properties        jsonb NOT NULL DEFAULT '{}',
            -- The upload that turned the row to saving: names the temporary file, whose lock says whether it still lives.
            upload            uuid,
            -- Counts every change, so that two changes of one image can't overwrite each other.
            revision          bigint NOT NULL DEFAULT 0,
            created_at        timestamptz NOT NULL,
            updated_at        timestamptz NOT NULL,
            deleted_at        timestamptz,
            -- Set once the file of a deleted or killed image is surely gone.
            file_removed_at   timestamptz,
            CHECK (status <> 'active' OR (size IS NOT NULL AND os_hash_value IS NOT NULL))
        );
        CREATE INDEX images_by_age   ON glance.images (created_at DESC, id DESC) WHERE status <> 'deleted';
        CREATE INDEX images_by_owner ON glance.images (owner) WHERE status <> 'deleted';
        CREATE INDEX images_by_name  ON glance.images (name) WHERE status <> 'deleted';
        CREATE INDEX images_unfinished ON glance.images (updated_at) WHERE status = 'saving';
        CREATE INDEX images_to_sweep ON glance.images (updated_at) WHERE status IN ('deleted', 'killed') AND file_removed_at IS NULL;

        -- The projects a shared image is shared with.
        CREATE TABLE glance.image_members (
            image       uuid NOT NULL REFERENCES glance.images ON DELETE CASCADE,
            member      text NOT NULL,
            status      text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'accepted', 'rejected')),
            created_at  timestamptz NOT NULL DEFAULT now(),
            updated_at  timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (image, member)
        );
        CREATE INDEX image_members_by_member ON glance.image_members (member);
        """)
}
