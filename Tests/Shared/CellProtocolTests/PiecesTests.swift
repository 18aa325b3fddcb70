import CellProtocol
import CloudModel
import Testing

/// What is cut by count and proves too large, and pages of an answer.
@Suite struct PiecesTests {
    private struct TooLarge: SendingError { var isTooLarge: Bool { true } }
    private struct Broken: SendingError { var isTooLarge: Bool { false } }

    /// Sends items whose numbers are their sizes, over a line that takes so much at once.
    private func send(_ items: [Int], limit: Int) async throws -> (answers: [Int], messages: [[Int]]) {
        var messages: [[Int]] = []
        let answers = try await inPieces(items) { piece in
            guard piece.reduce(0, +) <= limit else { throw TooLarge() }
            messages.append(piece)
            return piece.map { $0 * 10 }
        } tooLarge: { item, _ in
            -item
        }
        return (answers, messages)
    }

    @Test func whatFitsIsOneMessage() async throws {
        let sent = try await send([1, 2, 3], limit: 6)
        #expect(sent.answers == [10, 20, 30])
        #expect(sent.messages == [[1, 2, 3]])
    }

    @Test func whatDoesNotFitIsHalvedAndKeepsItsOrder() async throws {
        let sent = try await send([4, 4, 4, 4, 1, 1], limit: 8)
        #expect(sent.answers == [40, 40, 40, 40, 10, 10])
        #expect(sent.messages.flatMap { $0 } == [4, 4, 4, 4, 1, 1])
        #expect(sent.messages.allSatisfy { $0.reduce(0, +) <= 8 })
    }

    @Test func whatIsTooLargeAloneFailsAlone() async throws {
        let sent = try await send([1, 9, 1, 1], limit: 5)
        #expect(sent.answers == [10, -9, 10, 10])
    }

    @Test func nothingIsNoMessageThatFails() async throws {
        #expect(try await send([], limit: 0).answers.isEmpty)
    }

    @Test func anotherErrorEndsIt() async {
        await #expect(throws: Broken.self) {
            _ = try await inPieces([1, 2]) { (_: [Int]) -> [Int] in
                throw Broken()
            } tooLarge: { item, _ in
                item
            }
        }
    }

    @Test(arguments: [(10, 3), (9, 3), (8, 2), (3, 1), (2, 1), (0, 1), (-5, 1), (Int.max, 5)])
    func aPageHasWhatFitsAndOneAtLeast(_ bytes: Int, _ count: Int) {
        #expect([3, 3, 3, 3, 3].count(fitting: bytes) { $0 } == count)
        #expect([Int]().count(fitting: bytes) { $0 } == 0)
    }

    @Test func noEncodingIsLongerThanItsBound() throws {
        let nasty = String(repeating: "\u{1}\"\\é😀/\n", count: 40)
        var spec = Sample.spec
        spec.name = nasty
        spec.hints = [nasty: nasty]
        spec.metadata = Dictionary(uniqueKeysWithValues: (0..<50).map { ("\(nasty)\($0)", nasty) })
        spec.publicKey = nasty
        spec.flavor.extraSpecs = [nasty: nasty]
        spec.flavor.description = nasty
        for spec in [spec, Sample.spec, Sample.plainSpec] {
            #expect(try CellCoding.encode(spec).count <= spec.bytesAtMost)
            var order = Sample.order
            order.spec = spec
            order.revision = .min
            #expect(try CellCoding.encode(order).count <= order.bytesAtMost)
            var report = Sample.report
            report.fault?.message = nasty
            report.refused = nasty
            let known = RecoverServers.Known(server: Sample.server, epoch: Sample.epoch, spec: spec, lastReport: report)
            #expect(try CellCoding.encode(known).count <= known.bytesAtMost)
        }
        #expect(spec.bytesAtMost < 2 * (try CellCoding.encode(spec).count), "and none is far from it")
    }

    @Test func theOrdersOfAHostComeInPagesThatFit() throws {
        let orders = (0..<100).map { number in
            var order = Sample.order
            order.server = .random()
            order.spec.metadata = ["a": String(repeating: "x", count: 100 * (number % 7))]
            return order
        }
        let digest = WorkDigest(orders)
        var read: [WorkOrder] = []
        var after: ServerID?
        repeat {
            let page = AssignedWork(digest: digest, pageOf: orders, after: after, atMost: 10_000)
            #expect(try CellCoding.encode(page).count <= 10_000 + 200)
            read += try #require(page.orders)
            after = page.next
        } while after != nil
        #expect(read == orders.sorted { $0.server < $1.server })
        #expect(AssignedWork(digest: digest, pageOf: orders, after: nil, atMost: 1 << 20).next == nil)
    }
}
