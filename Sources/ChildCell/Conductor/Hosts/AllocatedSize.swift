internal import CloudModel
internal import RegionConfig

extension ResourceSize {
    /// What may be promised of a host of this size.
    func allocated(by ratios: Region.AllocationRatios) -> ResourceSize {
        ResourceSize(
            vcpus: Self.promised(vcpus, ratios.vcpus), ram: Self.promised(ram, ratios.memory),
            disk: Self.promised(disk, ratios.disk))
    }

    /// The columns that keep it are PostgreSQL's `int`.
    private static func promised(_ size: Int, _ ratio: Double) -> Int {
        Int(min(max(0, (Double(size) * ratio).rounded(.down)), Double(Int32.max)))
    }
}
