import CellProtocol
import Testing

@Suite struct PeerNameTests {
    @Test(arguments: ["hub:meridian", "api:api-1", "cell:tunis", "scheduler:tunis", "host:compute-1.tunis"])
    func isReadAsItIsWritten(text: String) { #expect(PeerName(text)?.description == text) }

    @Test(arguments: [
        "", "tunis", ":", "cell:", ":tunis", "cells:tunis", "cell:tu nis", "cell:tunis\n", "cell:../etc", "cell:tunis:1",
        "Cell:tunis",
        "cell:tünis", "cell:\u{0}",
    ])
    func anythingElseIsRefused(text: String) { #expect(PeerName(text) == nil) }

    @Test func namesHaveALimit() {
        #expect(PeerName("cell:" + String(repeating: "a", count: 120)) != nil)
        #expect(PeerName("cell:" + String(repeating: "a", count: 121)) == nil)
    }
}
