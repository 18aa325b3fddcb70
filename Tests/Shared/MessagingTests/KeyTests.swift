import CellProtocol
import CloudModel
import Foundation
import Testing

@testable import Messaging

struct CurveKeyPairTests {
    @Test func aNameIsTakenByItsFileWhateverIsInIt() async throws {
        try await withFolder { folder in
            let enrolment = Enrolment(directory: folder)
            #expect(!enrolment.names(.host("sim-1.tunis")))
            try CurveKeyPair.generate().writePublicKey(to: "\(folder)/host_sim-1.tunis.key")
            try Data("no key".utf8).write(to: URL(fileURLWithPath: "\(folder)/host_sim-2.tunis.key"))
            try await eventually("both are seen") {
                enrolment.names(.host("sim-1.tunis")) && enrolment.names(.host("sim-2.tunis"))
            }
            #expect(!enrolment.names(.host("sim-3.tunis")))
            try FileManager.default.removeItem(atPath: "\(folder)/host_sim-1.tunis.key")
            try await eventually("it is free again") { !enrolment.names(.host("sim-1.tunis")) }
        }
    }

    @Test func aPairIsWrittenForThisUserOnlyAndReadAgain() async throws {
        try await withFolder { folder in
            let pair = CurveKeyPair.generate()
            try pair.write(to: "\(folder)/a.secret")
            try pair.writePublicKey(to: "\(folder)/a.pub")
            #expect(try CurveKeyPair.load("\(folder)/a.secret") == pair)
            #expect(try CurveKeyPair.loadPublicKey("\(folder)/a.pub") == pair.publicKey)
            let mode = try FileManager.default.attributesOfItem(atPath: "\(folder)/a.secret")[.posixPermissions] as? Int
            #expect(mode == 0o600)
            #expect(!"\(pair)".contains(pair.secretKey))
            try CurveKeyPair.generate().write(to: "\(folder)/a.secret")
            #expect(try CurveKeyPair.load("\(folder)/a.secret") != pair)
        }
    }

    @Test func aNewPairNeverTakesAnothersPlace() async throws {
        try await withFolder { folder in
            let (first, second) = (CurveKeyPair.generate(), CurveKeyPair.generate())
            try first.writeNew(to: "\(folder)/a.secret")
            try second.writeNew(to: "\(folder)/a.secret")
            #expect(try CurveKeyPair.load("\(folder)/a.secret") == first)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a.secret"])
        }
    }

    @Test func aFileThatIsNoKeyIsRefusedByName() async throws {
        try await withFolder { folder in
            let pair = CurveKeyPair.generate()
            let file = "\(folder)/bad.secret"
            let twoLines = "\(file): one line 'public = KEY' and one line 'secret = KEY' are expected."
            let cases: [(String, String)] = [
                ("", twoLines), ("public = \(pair.publicKey)\n", twoLines), ("\(pair.publicKey)\n", twoLines),
                ("public = \(pair.publicKey)\npublic = \(pair.publicKey)\n", twoLines),
                ("public = short\nsecret = \(pair.secretKey)\n", "\(file): a key is 40 characters of Z85."),
                ("public = \(pair.publicKey)\nsecret = short\n", "\(file): a key is 40 characters of Z85."),
                (
                    "public = \(CurveKeyPair.generate().publicKey)\nsecret = \(pair.secretKey)\n",
                    "\(file): the public key doesn't belong to the secret one."
                ),
                (String(repeating: "x", count: 5_000), "\(file): is not a key file."),
            ]
            for (content, sentence) in cases {
                try content.write(toFile: file, atomically: true, encoding: .utf8)
                let error = #expect(throws: CloudError.self) { try CurveKeyPair.load(file) }
                #expect(error?.message == sentence)
            }
            let error = #expect(throws: CloudError.self) { try CurveKeyPair.load("\(folder)/none") }
            #expect(error?.message == "\(folder)/none: can't be opened.")
        }
    }
}

struct EnrolmentTests {
    @Test func aFileAdmitsItsKeyUnderItsName() async throws {
        try await withFolder { folder in
            let pair = CurveKeyPair.generate()
            let enrolment = Enrolment(directory: folder)
            #expect(enrolment.peer(for: pair.publicKey) == nil)
            try pair.writePublicKey(to: "\(folder)/host_compute-1.tunis.key")
            try await eventually("admitted") { enrolment.peer(for: pair.publicKey) == .host("compute-1.tunis") }
            try FileManager.default.removeItem(atPath: "\(folder)/host_compute-1.tunis.key")
            try await eventually("no longer") { enrolment.peer(for: pair.publicKey) == nil }
        }
    }

    @Test func aFileThatGoesInTheTickOfItsComingAdmitsNobody() async throws {
        try await withFolder { folder in
            let tick = Timestamp(microseconds: 1_800_000_000_000_000)
            func change(_ body: () throws -> Void) throws {
                try body()
                let time = timespec(tv_sec: 1_800_000_000, tv_nsec: 0)
                #expect(utimensat(AT_FDCWD, folder, [time, time], 0) == 0)
            }
            let pair = CurveKeyPair.generate()
            let file = "\(folder)/host_compute-1.tunis.key"
            let enrolment = Enrolment(directory: folder, clock: { tick + .milliseconds(5) })
            try change { try pair.writePublicKey(to: file) }
            #expect(enrolment.peer(for: pair.publicKey) == .host("compute-1.tunis"))
            try change { try FileManager.default.removeItem(atPath: file) }
            #expect(enrolment.peer(for: pair.publicKey) == nil)
        }
    }

    @Test func aFileThatIsRewrittenAdmitsTheNewKeyOnly() async throws {
        try await withFolder { folder in
            let (old, new) = (CurveKeyPair.generate(), CurveKeyPair.generate())
            let enrolment = Enrolment(directory: folder)
            try old.writePublicKey(to: "\(folder)/cell_tunis.key")
            #expect(enrolment.peer(for: old.publicKey) == .cell("tunis"))
            try new.writePublicKey(to: "\(folder)/cell_tunis.key")
            try await eventually("the new one") { enrolment.peer(for: new.publicKey) == .cell("tunis") }
            #expect(enrolment.peer(for: old.publicKey) == nil)
        }
    }

    @Test func aKeyUnderTwoNamesAndFilesThatAreNoneAdmitNobody() async throws {
        try await withFolder { folder in
            let (shared, good) = (CurveKeyPair.generate(), CurveKeyPair.generate())
            try shared.writePublicKey(to: "\(folder)/cell_tunis.key")
            try shared.writePublicKey(to: "\(folder)/cell_london.key")
            try good.writePublicKey(to: "\(folder)/cell_amsterdam.key")
            try "no key\n".write(toFile: "\(folder)/cell_paris.key", atomically: true, encoding: .utf8)
            try good.writePublicKey(to: "\(folder)/king_arthur.key")
            try good.writePublicKey(to: "\(folder)/README")
            let enrolment = Enrolment(directory: folder)
            #expect(enrolment.peer(for: good.publicKey) == .cell("amsterdam"))
            #expect(enrolment.peer(for: shared.publicKey) == nil)
            #expect(
                enrolment.problems.sorted() == [
                    "\(folder)/cell_paris.key: one line with a public key of 40 characters of Z85 is expected.",
                    "\(folder)/king_arthur.key: is not named ROLE_NAME.key.",
                    "\(folder): cell_london.key and cell_tunis.key hold the same key; neither is admitted.",
                ])
            #expect(Enrolment(keys: [.cell("a"): "k", .cell("b"): "k"]).peer(for: "k") == nil)
        }
    }

    @Test func aRosterAdmitsWhomItNamesUntilItIsReplaced() throws {
        let (tunis, london) = (CurveKeyPair.generate(), CurveKeyPair.generate())
        let roster = KeyRoster()
        let enrolment = Enrolment(directory: "/nonexistent", roster: roster)
        #expect(enrolment.peer(for: tunis.publicKey) == nil)
        roster.replace(with: [try #require(CurvePublicKey(tunis.publicKey)): .cell("tunis")])
        #expect(enrolment.peer(for: tunis.publicKey) == .cell("tunis"))
        #expect(enrolment.peer(for: "no key") == nil)
        roster.replace(with: [try #require(CurvePublicKey(london.publicKey)): .cell("london")])
        #expect(enrolment.peer(for: tunis.publicKey) == nil)
        #expect(enrolment.peer(for: london.publicKey) == .cell("london"))
    }

    @Test func aFileHoldsBeforeTheRosterButNotForAPeerOfTheRosters() async throws {
        try await withFolder { folder in
            let (api, old, new) = (CurveKeyPair.generate(), CurveKeyPair.generate(), CurveKeyPair.generate())
            try api.writePublicKey(to: "\(folder)/api_api.key")
            try old.writePublicKey(to: "\(folder)/cell_tunis.key")
            let roster = KeyRoster()
            let enrolment = Enrolment(directory: folder, roster: roster)
            #expect(enrolment.peer(for: old.publicKey) == .cell("tunis"))
            // Whoever enrols another's key gets no name for it, and takes none away.
            roster.replace(with: [
                try #require(CurvePublicKey(api.publicKey)): .cell("oslo"),
                try #require(CurvePublicKey(new.publicKey)): .cell("tunis"),
            ])
            #expect(enrolment.peer(for: api.publicKey) == .api("api"))
            #expect(enrolment.peer(for: new.publicKey) == .cell("tunis"))
            #expect(enrolment.peer(for: old.publicKey) == nil)
        }
    }

    @Test func aRosterCountsKeysThatLoseTheirNames() throws {
        let (first, second) = (CurveKeyPair.generate(), CurveKeyPair.generate())
        let (one, two) = (try #require(CurvePublicKey(first.publicKey)), try #require(CurvePublicKey(second.publicKey)))
        let roster = KeyRoster()
        roster.replace(with: [one: .cell("tunis")])
        roster.replace(with: [one: .cell("tunis"), two: .cell("oslo")])
        #expect(roster.removals == 0)
        roster.replace(with: [two: .cell("tunis")])
        #expect(roster.removals == 1)
        roster.replace(with: [:])
        #expect(roster.removals == 2)
    }

    @Test func aBearersWordIsReadAgain() {
        let bearer = Bearer(peer: .host("compute-1.tunis"), key: CurveKeyPair.generate().publicKey)
        #expect(Bearer(userID: bearer.userID) == bearer)
        for text in ["", "cell:tunis", "cell:tunis a b", "king:arthur key"] { #expect(Bearer(userID: text) == nil) }
    }

    @Test func aFolderThatIsMissingAdmitsNobody() {
        #expect(Enrolment(directory: "/nonexistent").peer(for: CurveKeyPair.generate().publicKey) == nil)
    }
}
