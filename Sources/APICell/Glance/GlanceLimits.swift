/// What Glance accepts at most.
package struct GlanceLimits: Sendable {
    /// Bytes of one image. Higher lets one user fill the store; lower refuses honest disks.
    package var imageSize: Int64 = 1 << 40
    /// Uploads at once in this process, each with three threads and up to 8 MiB in memory. More are told to come back.
    package var uploads = 64
    /// Bytes of a JSON body.
    package var body = 256 * 1024
    /// Images in one page of a list, when nothing is said and at most (Glance's `limit_param_default`, `api_limit_max`).
    package var page = 25
    package var pageAtMost = 1_000
    /// How often the janitor looks for dead uploads and leftover files. It also looks once at start.
    package var sweepPeriod = Duration.seconds(30)

    package init() {}
}
