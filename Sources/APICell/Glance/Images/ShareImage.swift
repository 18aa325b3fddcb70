import CloudModel

/// Members: the projects that a shared image is shared with. Its owner names them; they accept or reject.
extension GlanceService {
    func members(of id: ImageID, for caller: ImageCaller) async throws -> [ImageMember] {
        try await members(of: id, for: caller, as: .listMembers)
    }

    private func members(
        of id: ImageID, for caller: ImageCaller, as action: ImagePolicy.Action
    ) async throws -> [ImageMember] {
        let image = try await shared(id, for: caller)
        guard caller.may(action, image) else { throw ImagePolicy.refusal(action) }
        let all = try await members.all(of: id)
        return owns(image, caller) ? all : all.filter { $0.project == caller.project }
    }

    func member(_ project: ProjectID, of id: ImageID, for caller: ImageCaller) async throws -> ImageMember {
        guard let member = try await members(of: id, for: caller, as: .showMember).first(where: { $0.project == project })
        else {
            throw Self.noMember(project, id)
        }
        return member
    }

    func addMember(_ project: ProjectID, to id: ImageID, by caller: ImageCaller) async throws -> ImageMember {
        _ = try await image(id, to: .addMember, by: caller)
        _ = try await shared(id, for: caller)
        guard try await members.all(of: id).count < MemberStore.limit else {
            throw CloudError(
                .tooLarge, "The limit has been exceeded on the number of allowed image members: \(MemberStore.limit).")
        }
        guard let member = try await members.add(project, to: id, at: .now()) else {
            throw CloudError(.conflict, "\(project) is already a member of image \(id).")
        }
        return member
    }

    /// Only the member itself says whether it wants the image.
    func setMember(_ project: ProjectID, of id: ImageID, to status: ImageMember.Status, by caller: ImageCaller) async throws
        -> ImageMember
    {
        try ImagePolicy.requireMembership(project, of: try await shared(id, for: caller), caller)
        guard let member = try await members.set(status, of: project, in: id, at: .now()) else {
            throw Self.noMember(project, id)
        }
        return member
    }

    func removeMember(_ project: ProjectID, from id: ImageID, by caller: ImageCaller) async throws {
        _ = try await image(id, to: .deleteMember, by: caller)
        _ = try await shared(id, for: caller)
        guard try await members.remove(project, from: id) else { throw Self.noMember(project, id) }
    }

    private func shared(_ id: ImageID, for caller: ImageCaller) async throws -> Image {
        let image = try await visible(id, to: caller)
        guard image.visibility == .shared else {
            throw CloudError(.forbidden, "Only shared images have members; this one is \(image.visibility.rawValue).")
        }
        return image
    }

    private func owns(_ image: Image, _ caller: ImageCaller) -> Bool {
        caller.isAdmin || (caller.project != nil && caller.project == image.owner)
    }

    private static func noMember(_ project: ProjectID, _ image: ImageID) -> CloudError {
        CloudError(.notFound, "\(project) not found in the member list of the image \(image).")
    }
}
