import CellProtocol
import CloudModel
import Testing

@testable import SuperScheduler

/// Which cells are asked, in which order, and why the others are not.
@Suite struct CellSelectionTests {
    static let room = ResourceSize(vcpus: 32, ram: 8192, disk: 500)
    static let small = ResourceSize(vcpus: 1, ram: 128, disk: 1)

    static func zone(
        _ name: ZoneName, free: Int = 4096, of total: Int = 8192, largest: ResourceSize = room, traits: [String] = []
    ) -> CellSummary.Zone {
        CellSummary.Zone(
            name: name, hosts: 2, free: ResourceSize(vcpus: 32, ram: free, disk: 500), largest: largest,
            total: ResourceSize(vcpus: 64, ram: total, disk: 1000), traits: traits)
    }

    static func cell(
        _ name: CellName, _ zones: [CellSummary.Zone]? = nil, weight: Double = 1, state: CellSummary.State = .up,
        contact: CellSelection.Cell.Contact = .inContact, drained: Bool = false, isAhead: Bool = false
    ) -> CellSelection.Cell {
        CellSelection.Cell(
            name: name, summary: CellSummary(state: state, zones: zones ?? [zone(ZoneName(name.rawValue))], weight: weight),
            contact: contact,
            drained: drained, isAhead: isAhead)
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let cell: CellSelection.Cell
        let wish: CellSelection.Wish
        let reason: String?
        var testDescription: String { reason ?? "is asked" }
    }

    static let rows: [Row] = [
        Row(cell: cell("tunis"), wish: .init(size: small), reason: nil),
        Row(cell: cell("tunis"), wish: .init(size: small, zone: "tunis"), reason: nil),
        Row(
            cell: cell("tunis"), wish: .init(size: small, zone: "paris"),
            reason: "has no host that is enabled and up in the zone paris"),
        Row(
            cell: cell("tunis"), wish: .init(size: small, homeRegion: "london"),
            reason: "the server was asked for in region london"),
        Row(cell: cell("tunis"), wish: .init(size: small, homeRegion: "tunis"), reason: nil),
        Row(cell: cell("tunis"), wish: .init(size: small, pinnedCell: "london"), reason: "the server's group is in london"),
        Row(cell: cell("tunis"), wish: .init(size: small, pinnedCell: "tunis"), reason: nil),
        Row(cell: cell("tunis"), wish: .init(size: small, refusedBy: ["tunis"]), reason: "gave the server back"),
        Row(cell: cell("tunis", drained: true), wish: .init(size: small), reason: "is being drained"),
        Row(cell: cell("tunis", state: .draining), wish: .init(size: small), reason: "is being drained"),
        Row(
            cell: cell("tunis", weight: 0), wish: .init(size: small),
            reason: "has weight 0: only servers that ask for it are placed there"),
        Row(cell: cell("tunis", weight: 0), wish: .init(size: small, zone: "tunis"), reason: nil),
        Row(cell: cell("tunis", weight: 0), wish: .init(size: small, homeRegion: "tunis"), reason: nil),
        Row(cell: cell("tunis", weight: 0), wish: .init(size: small, pinnedCell: "tunis"), reason: nil),
        Row(
            cell: cell("tunis", state: .recovering), wish: .init(size: small),
            reason: "is recovering from a restore of its database"),
        Row(cell: cell("tunis", contact: .silent), wish: .init(size: small), reason: "silent: no contact with the region"),
        Row(cell: cell("tunis", contact: .unmet), wish: .init(size: small), reason: "has not said hello yet"),
        Row(
            cell: cell("tunis", isAhead: true), wish: .init(size: small, zone: "tunis"),
            reason: "ahead: the API database was restored from a backup and knows less than the region"),
        Row(
            cell: cell("tunis", isAhead: true), wish: .init(size: small, zone: "paris"),
            reason: "has no host that is enabled and up in the zone paris"),
        Row(cell: cell("tunis", []), wish: .init(size: small), reason: "has no host that is up"),
        Row(
            cell: cell("tunis", []), wish: .init(size: small, zone: "tunis-b", homeRegion: "tunis"),
            reason: "has no host that is up"),
        Row(cell: cell("tunis", [zone("tunis", traits: ["X"])]), wish: .init(size: small, traits: ["X"]), reason: nil),
        Row(
            cell: cell("tunis", [zone("tunis", traits: ["X"])]), wish: .init(size: small, traits: ["X", "Y"]),
            reason: "has no host with the trait Y"),
        Row(cell: cell("tunis", [zone("tunis", largest: little)]), wish: .init(size: small), reason: nil),
        Row(
            cell: cell("tunis", [zone("tunis", largest: little)], contact: .silent), wish: .init(size: small),
            reason: "silent: no contact with the region; \(shortage)"),
        Row(
            cell: cell("tunis", [zone("tunis", largest: little, traits: ["X"])]), wish: .init(size: small, traits: ["Y"]),
            reason: "has no host with the trait Y"),
    ]

    static let little = ResourceSize(vcpus: 4, ram: 64, disk: 50)
    static let shortage = "its last summary showed no host with room for 1 vCPUs, 128 MiB, 1 GiB"

    @Test(arguments: rows) func isAskedOrSaysWhyNot(row: Row) {
        let ranking = CellSelection.rank([row.cell], for: row.wish)
        #expect(ranking.cells.map(\.cell) == (row.reason == nil ? [row.cell.name] : []))
        #expect(ranking.ruledOut.map(\.reason) == (row.reason.map { [$0] } ?? []))
    }

    @Test func theEmptiestShareComesFirstAndNamesDecideBetweenEquals() {
        let cells = [
            Self.cell("c", [Self.zone("c", free: 2048, of: 8192)]), Self.cell("b", [Self.zone("b", free: 1024, of: 2048)]),
            Self.cell("a", [Self.zone("a", free: 2048, of: 8192)]),
        ]
        #expect(CellSelection.rank(cells, for: .init(size: Self.small)).cells.map(\.cell) == ["b", "a", "c"])
        #expect(CellSelection.rank(cells.reversed(), for: .init(size: Self.small)).cells.map(\.cell) == ["b", "a", "c"])
    }

    @Test func theRegionsWeightCounts() {
        let cells = [Self.cell("a", weight: 1), Self.cell("b", weight: 1.5), Self.cell("c", weight: 0.5)]
        let ranking = CellSelection.rank(cells, for: .init(size: Self.small))
        #expect(ranking.cells.map(\.cell) == ["b", "a", "c"])
        #expect(ranking.cells[0].weight == 0.75)
    }

    @Test func aRegionOfWeightZeroTakesOnlyWhatAsksForIt() {
        let cells = [Self.cell("a", weight: 0), Self.cell("b", [Self.zone("b", free: 200)])]
        let ranking = CellSelection.rank(cells, for: .init(size: Self.small))
        #expect(ranking.cells.map(\.cell) == ["b"])
        #expect(ranking.ruledOut.map(\.reason) == ["has weight 0: only servers that ask for it are placed there"])
        let asked = CellSelection.rank(cells, for: .init(size: Self.small, zone: "a")).cells
        #expect(asked.map(\.cell) == ["a"] && asked.map(\.weight) == [0.5])
        #expect(CellSelection.rank(cells, for: .init(size: Self.small, homeRegion: "a")).cells.map(\.cell) == ["a"])
    }

    @Test func onlyTheZoneAskedForIsLookedAt() {
        let cells = [
            Self.cell("a", [Self.zone("west", free: 100), Self.zone("east", free: 8000)]),
            Self.cell("b", [Self.zone("west", free: 4000)]),
        ]
        #expect(CellSelection.rank(cells, for: .init(size: Self.small, zone: "west")).cells.map(\.cell) == ["b", "a"])
        #expect(CellSelection.rank(cells, for: .init(size: Self.small, zone: "east")).cells.map(\.cell) == ["a"])
    }

    @Test func aServerAskedForInARegionTakesAnyOfItsZones() {
        let full = Self.zone("tunis", free: 0, largest: .zero)
        let cells = [Self.cell("tunis", [full, Self.zone("tunis-b")]), Self.cell("london")]
        let anyZone = CellSelection.rank(cells, for: .init(size: Self.small, homeRegion: "tunis"))
        #expect(anyZone.cells.map(\.cell) == ["tunis"] && anyZone.cells[0].shortage == nil)
        let pinned = CellSelection.rank(cells, for: .init(size: Self.small, zone: "tunis", homeRegion: "tunis"))
        #expect(pinned.cells.map(\.cell) == ["tunis"] && pinned.cells[0].shortage != nil)
    }

    @Test func aCellThatLeftACallUnansweredComesLastButComes() {
        let cells = [Self.cell("a", contact: .suspect), Self.cell("b", [Self.zone("b", free: 200)])]
        #expect(CellSelection.rank(cells, for: .init(size: Self.small)).cells.map(\.cell) == ["b", "a"])
    }

    @Test func aCellThatSeemsFullIsAskedAfterThoseThatSeemToHaveRoom() {
        let cells = [
            Self.cell("a", [Self.zone("a", free: 8000, largest: Self.little)], weight: 2),
            Self.cell("b", [Self.zone("b", free: 200)], contact: .suspect), Self.cell("c", [Self.zone("c", free: 100)]),
            Self.cell("d", [Self.zone("d", free: 0, largest: .zero)]),
        ]
        let ranking = CellSelection.rank(cells, for: .init(size: Self.small))
        #expect(ranking.cells.map(\.cell) == ["c", "b", "a", "d"])
        #expect(ranking.cells.prefix(3).map(\.shortage?.reason) == [nil, nil, Self.shortage])
        #expect(ranking.cells.last?.shortage?.detail == "the roomiest had 0 vCPUs, 0 MiB, 0 GiB")
        #expect(ranking.ruledOut.isEmpty)
    }

    @Test func onlyTheZoneAskedForMaySeemFull() {
        let cell = Self.cell("a", [Self.zone("west", largest: Self.little), Self.zone("east")])
        #expect(
            CellSelection.rank([cell], for: .init(size: Self.small, zone: "west")).cells.first?.shortage?.reason
                == Self.shortage)
        #expect(CellSelection.rank([cell], for: .init(size: Self.small, zone: "east")).cells.first?.shortage == nil)
        #expect(CellSelection.rank([cell], for: .init(size: Self.small)).cells.first?.shortage == nil)
    }

    @Test func onlyCellsThatMightFitAreWorthWaitingFor() {
        let cells = [
            Self.cell("drained", contact: .silent, drained: true), Self.cell("fits", contact: .silent),
            Self.cell("full", [Self.zone("full", largest: .zero)], contact: .silent),
            Self.cell("late", [Self.zone("late", largest: .zero)], contact: .unmet),
        ]
        let ranking = CellSelection.rank(cells, for: .init(size: Self.small))
        #expect(ranking.unreachable == ["fits", "full", "late"], "a summary of old is no proof that there is no room")
    }

    @Test func aCellThatTheDatabaseIsBehindOfIsWaitedForAndNotAsked() {
        let cells = [
            Self.cell("ahead", isAhead: true), Self.cell("silent", contact: .silent, isAhead: true), Self.cell("well"),
            Self.cell("full", [Self.zone("full", largest: .zero)], isAhead: true), Self.cell("unmet", contact: .unmet),
        ]
        let ranking = CellSelection.rank(cells, for: .init(size: Self.small))
        #expect(ranking.cells.map(\.cell) == ["well"])
        #expect(ranking.ahead == ["ahead", "full", "silent"])
        #expect(ranking.unreachable == ["unmet"])
    }

    @Test func aServerThatACellMayHaveAlreadyIsGivenToNobodyElse() {
        let cells = [Self.cell("tunis", isAhead: true), Self.cell("london")]
        var ranking = CellSelection.rank(cells, for: .init(size: Self.small, zone: "london"))
        #expect(ranking.cells.map(\.cell) == ["london"])
        ranking.mayBeIn(["tunis"])
        #expect(ranking.cells.isEmpty)
        #expect(ranking.ahead == ["tunis"])
        #expect(
            ranking.ruledOut.last
                == .init(
                    cell: "london", reason: "the API database was restored from a backup, and tunis may have the server already"
                ))
    }

    @Test func whatTheRoomiestHostHasIsADetailForAdministrators() {
        let cells = [Self.cell("tunis", [Self.zone("tunis", largest: Self.little)], contact: .silent)]
        let out = CellSelection.rank(cells, for: .init(size: Self.small)).ruledOut
        #expect(out.map(\.detail) == ["the roomiest had 4 vCPUs, 64 MiB, 50 GiB"])
    }

    @Test func noCellsAreNoCells() {
        let ranking = CellSelection.rank([], for: .init(size: Self.small))
        #expect(ranking.cells.isEmpty && ranking.ruledOut.isEmpty && ranking.unreachable.isEmpty)
    }
}
