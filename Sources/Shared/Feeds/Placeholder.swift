// FeedMigrations lives here soon
