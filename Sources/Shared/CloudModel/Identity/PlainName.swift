/// Text that names something in addresses, file names, keys and zones: a region, a host of a region.
package enum PlainName {
    /// What is asked for, for a sentence that begins "A name is".
    package static let rule = "1 to 63 lower-case letters, digits and dashes, a letter first"

    package static func fits(_ text: some StringProtocol) -> Bool {
        let isMadeOfThem = text.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 }
        return isMadeOfThem && text.utf8.count <= 63 && text.utf8.first.map { (97...122).contains($0) } == true
    }
}
