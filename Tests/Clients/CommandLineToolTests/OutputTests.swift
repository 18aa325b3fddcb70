import ArgumentParser
import CloudClient
import Testing

@testable import CommandLineTool

@Suite struct OutputTests {
    @Test func aTableIsABoxAsWideAsItsWidestCell() {
        #expect(
            Table(["Name", "State"], [["a", "up"], ["longer", ""]]).text == """
                +--------+-------+
                | Name   | State |
                +--------+-------+
                | a      | up    |
                | longer |       |
                +--------+-------+
                """)
    }

    @Test func anEmptyTableStillSaysWhatItWouldShow() {
        #expect(Table(["Name"], []).text == "+------+\n| Name |\n+------+")
    }

    @Test func aCellMayHaveSeveralLinesAndWideCharacters() {
        #expect(
            Table(["A", "B"], [["1\n2", "日本"]]).text == """
                +---+------+
                | A | B    |
                +---+------+
                | 1 | 日本 |
                | 2 |      |
                +---+------+
                """)
    }

    @Test(arguments: [
        (400, "0.4 s"), (2_000, "2 s"), (40_000, "40 s"), (120_000, "2 min"), (7_200_000, "2 h"), (259_200_000, "3 d"),
    ])
    func spansReadAsPeopleSayThem(_ milliseconds: Int, _ text: String) {
        #expect(Wording.span(.milliseconds(milliseconds)) == text)
    }

    @Test func freshnessSaysWhetherItIsStale() {
        #expect(Wording.freshness(.seconds(2), isStale: false) == "2 s ago")
        #expect(Wording.freshness(.seconds(40), isStale: true) == "stale 40 s")
        #expect(Wording.freshness(nil, isStale: false) == "")
    }

    @Test func stepNumbersAreJoinedToRanges() {
        #expect(ServerTrace.ranges([6, 7, 8, 11]) == "6-8, 11")
        #expect(ServerTrace.ranges([]) == "")
    }

    @Test func globalOptionsMayStandBeforeTheVerb() {
        #expect(
            GlobalOptions.movedToTheEnd(["--os-cloud", "x", "--debug", "server", "list"])
                == ["server", "list", "--os-cloud", "x", "--debug"])
        #expect(
            GlobalOptions.movedToTheEnd(["-f", "json", "server", "show", "--", "-odd"]) == [
                "server", "show", "-f", "json", "--", "-odd",
            ])
        #expect(GlobalOptions.movedToTheEnd(["--help"]) == ["--help"])
        #expect(GlobalOptions.movedToTheEnd(["server", "list"]) == ["server", "list"])
    }

    @Test func everyVerbIsParsed() throws {
        for line in [
            "server list", "server show x", "server create --image i --flavor f n", "server delete a b", "server start a",
            "server stop a", "server reboot --hard a", "server console a --lines 5", "server trace a", "server explain a",
            "server wait a --for SHUTOFF", "cell list", "cell show c", "cell drain c --reason r", "cell resume c",
            "cell drift c",
            "host list", "image list", "flavor list", "event watch --after 5", "token issue", "status", "completion bash",
        ] {
            _ = try MeridianCommand.parseAsRoot(line.split(separator: " ").map(String.init))
        }
    }
}
