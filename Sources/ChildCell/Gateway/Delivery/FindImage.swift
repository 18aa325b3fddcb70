import CloudModel

/// Finds where a host's bytes come from: the disk, somebody's transfer, or Glance, asked with the host's own grant and proof.
struct FindImage: Sendable {
    enum Source: Sendable {
        case disk(StoredImage)
        case transfer(Transfer, ImageFacts)
        /// Past the cache, for this host alone.
        case past(GlanceUpstream.Answer)
    }

    let cache: RegionCache
    let glance: GlanceUpstream
    let arrivals: Arrivals

    /// Throws `CloudError` where nobody has it for this host now; so it does at once where the host's own request isn't good any more.
    func callAsFunction(_ host: HostRequest) async throws -> Source {
        var last = CloudError(.unavailable, "The transfer of the image broke off.")
        // Ends: each round either finds something or ends somebody's transfer, and this host asks once.
        while true {
            switch try await cache.find(host.image, mayAsk: host.mayAsk(at: .now())) {
            case .whole(let image): return .disk(image)
            case .absent(let transfer): return try await fill(transfer, for: host)
            case .nothing: throw last
            case .arriving(let transfer):
                switch try await transfer.supply(beyond: -1) {
                case .bytes(let image, _): return .transfer(transfer, image.facts)
                case .notYet, .never(.notKept): break
                case .never(.broken(let error)): last = error
                case .never(.refused(let error)): throw error
                }
            }
        }
    }

    /// Asks Glance, and hands what it sends over to be kept. In every case the transfer has begun or ended.
    private func fill(_ transfer: Transfer, for host: HostRequest) async throws -> Source {
        do {
            let answer = try await host.ask(glance)
            guard let facts = answer.facts, let file = await cache.begin(transfer, facts) else {
                await cache.end(transfer, .notKept)
                return .past(answer)
            }
            arrivals.add(Arrival(transfer: transfer, file: file, body: answer.body))
            return .transfer(transfer, facts)
        } catch let error as CloudError {
            // What was wrong with one host's grant says nothing of another's.
            await cache.end(transfer, error.code == .unauthorized ? .broken(error) : .refused(error))
            throw error
        } catch {
            await cache.end(transfer, .broken(CloudError(.unavailable, "The image could not be fetched.", cause: error)))
            throw error
        }
    }
}
