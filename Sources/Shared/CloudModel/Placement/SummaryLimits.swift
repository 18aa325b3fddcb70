/// How much of a region the API cell can be told in a summary, which must stay under 4 KB. What goes beyond would be chosen by no server
/// that asks for it: a region's file that has more is refused.
package enum SummaryLimits {
    package static let zones = 8
    /// Different traits of a zone's hosts.
    package static let traitsInZone = 16
}
