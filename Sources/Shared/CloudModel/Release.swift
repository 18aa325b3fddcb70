/// The release that this program was built as, told in every handshake: neighbouring releases must talk to each other.
package enum Release {
    package static let current = "0.1.0"
}
