package import APIConventions
package import CellProtocol
package import CloudModel

// What Nova needs of others. The program passes the implementations in; none of these mentions a transport.

/// The images a caller may boot (Glance).
package protocol ImageCatalog: Sendable {
    /// One image, as this caller sees it. Throws `CloudError(.notFound)` for one that doesn't exist or isn't the caller's to see.
    func image(_ id: ImageID, for caller: Caller) async throws -> CatalogImage
}

/// An image as Nova needs it.
package struct CatalogImage: Sendable {
    package var reference: ImageReference
    /// Glance's word: only `active` boots.
    package var status: String

    package init(reference: ImageReference, status: String) {
        self.reference = reference
        self.status = status
    }
}

/// Questions that only a cell can answer. Synchronous, at most 10 s, no row (docs/life-of-a-server.md).
package protocol CellQuestions: Sendable {
    /// The tail of the guest's serial console. Throws `CloudError(.unavailable)` with a retry hint when the cell is silent.
    func consoleOutput(of server: ServerID, in cell: CellName, lines: Int?, request: RequestID?) async throws -> String
    /// A page of the guests that the cell's hosts have and nobody ordered, behind `place`. Throws likewise.
    func drift(
        of cell: CellName, after place: GetDrift.Place?, limit: Int, request: RequestID?
    ) async throws -> GetDrift.Reply
}

/// Tells the SuperScheduler that there are new intents. A wake-up, not the truth: it may be lost, so it neither waits nor fails.
package protocol IntentSignal: Sendable {
    func newIntents()
}

/// The regions that clients find in the catalog (Keystone).
package protocol RegionCatalog: Sendable {
    /// Adds a child region with its endpoints. May be repeated.
    func add(_ region: CellName, description: String) async throws
}

/// What a cell that enrols is told of the federation, and where it is made known.
package struct CellWelcome: Sendable {
    /// The federation's name, as in federation.yml.
    package var federation: String
    /// Which CURVE key the cell will meet when it dials the hub: 40 characters of Z85.
    package var hubKey: String
    package var catalog: any RegionCatalog

    package init(federation: String, hubKey: String, catalog: any RegionCatalog) {
        self.federation = federation
        self.hubKey = hubKey
        self.catalog = catalog
    }
}
