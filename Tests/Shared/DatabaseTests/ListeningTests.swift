import CloudTestKit
import Testing

@testable import Database

@Suite(.timeLimit(.minutes(3))) struct ListeningTests {
    @Test func aNotificationReachesThoseWhoListenToItsChannel() async throws {
        try await withDatabase { database in
            var heard = database.listen(["one", "Two words"]).makeAsyncIterator()
            #expect(await heard.next() == .reconnected)
            try await database.notify("other", "unheard")
            try await database.notify("one")
            try await database.notify("Two words", "größe")
            #expect(await heard.next() == .notified(channel: "one", payload: ""))
            #expect(await heard.next() == .notified(channel: "Two words", payload: "größe"))
        }
    }

    @Test func notificationsOfAStormAreSentTogether() async throws {
        try await withDatabase { database in
            var heard = database.listen(["work"]).makeAsyncIterator()
            #expect(await heard.next() == .reconnected)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<500 { group.addTask { try await database.notify("work", "wake up") } }
                try await group.waitForAll()
            }
            try await database.notify("work", "end")
            var count = 0
            while await heard.next() != .notified(channel: "work", payload: "end") { count += 1 }
            #expect((1..<500).contains(count))
        }
    }

    @Test func droppingTheStreamClosesItsConnection() async throws {
        try await withDatabase { database in
            func listening() async throws -> Int {
                try await database.query(
                    """
                    SELECT count(*) FROM pg_stat_activity
                    WHERE datname = current_database() AND application_name LIKE '%listen'
                    """)[0].get(at: 0)
            }
            do {
                var heard = database.listen(["work"]).makeAsyncIterator()
                #expect(await heard.next() == .reconnected)
                #expect(try await listening() == 1)
            }
            try await eventually { try await listening() == 0 }
        }
    }
}
