import CellProtocol
import Testing

@Suite struct CurvePublicKeyTests {
    /// The server's key in the manual page of zmq_curve(7).
    private static let known = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"

    @Test func fortyCharactersOfZ85AreAKey() {
        #expect(CurvePublicKey(Self.known)?.text == Self.known)
        #expect(CurvePublicKey(String(repeating: "0", count: 40)) != nil)
    }

    @Test(arguments: [
        "", "short", String(repeating: "0", count: 39), String(repeating: "0", count: 41),
        known.replacing(":", with: "~"), known.replacing(":", with: "é"), String(repeating: "#", count: 40),
    ])
    func anythingElseIsNone(_ text: String) { #expect(CurvePublicKey(text) == nil) }
}
