import CloudModel

extension GlanceService {
    /// Withdraws an image that is complete: nobody but administrators downloads it, and nobody boots it.
    func deactivate(_ id: ImageID, by caller: ImageCaller) async throws {
        try await change(id, .deactivate, to: .deactivated, as: .deactivate, by: caller)
    }

    func reactivate(_ id: ImageID, by caller: ImageCaller) async throws {
        try await change(id, .reactivate, to: .active, as: .reactivate, by: caller)
    }

    private func change(
        _ id: ImageID, _ change: ImageStatus.Change, to status: ImageStatus, as action: ImagePolicy.Action,
        by caller: ImageCaller
    ) async throws {
        let image = try await image(id, to: action, by: caller)
        guard try await images.change(id, change, to: status, at: .now()) else {
            throw CloudError(
                .forbidden, "Not allowed to make image \(id) \(status.rawValue): it is \(image.status.rawValue).")
        }
    }
}
