package import Database

/// The tables of a feed, the same in the API cell's schema and in a child cell's.
package enum FeedMigrations {
    package static func all(schema: String) -> [Migration] {
        [
            Migration(
                "0001-feeds",
                """
                -- What changed, unnumbered: written by the transaction that changes it (by trigger), taken by the publisher.
                CREATE TABLE \(schema).feed_outbox (
                    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                    feed    text NOT NULL,
                    kind    text NOT NULL,
                    object  text NOT NULL
                );
                -- The last number given out, and its mark. Its row's lock makes numbers commit in their order.
                CREATE TABLE \(schema).feed_heads (
                    feed    text PRIMARY KEY,
                    number  bigint NOT NULL,
                    mark    bigint NOT NULL
                );
                -- Each object that ever changed, once, under the number of its last change: the feed and the snapshot in one.
                CREATE TABLE \(schema).feed_objects (
                    feed    text NOT NULL,
                    kind    text NOT NULL,
                    object  text NOT NULL,
                    number  bigint NOT NULL,
                    PRIMARY KEY (feed, kind, object)
                );
                CREATE INDEX feed_objects_by_number ON \(schema).feed_objects (feed, number);
                -- The random mark of every position that the other side may name. A database restored from a backup lacks them.
                CREATE TABLE \(schema).feed_marks (
                    feed    text NOT NULL,
                    number  bigint NOT NULL,
                    mark    bigint NOT NULL,
                    PRIMARY KEY (feed, number)
                );
                -- How far we have stored the other sides' feeds.
                CREATE TABLE \(schema).feed_cursors (
                    feed    text PRIMARY KEY,
                    number  bigint NOT NULL,
                    mark    bigint NOT NULL
                );
                """)
        ]
    }
}
