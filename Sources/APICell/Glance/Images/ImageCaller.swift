package import APIConventions
package import CloudModel

/// Who asks, as far as images care.
package struct ImageCaller: Sendable, Hashable {
    package var project: ProjectID?
    package var roles: Set<String>

    package init(project: ProjectID?, roles: Set<String>) {
        self.project = project
        self.roles = roles
    }

    /// The bearer of a token. Roles imply each other: admin, manager, member, reader.
    package init(_ caller: Caller) { self.init(project: caller.projectID, roles: caller.roles) }

    /// The cloud's own processes, which see everything.
    package static let cloud = ImageCaller(project: nil, roles: ["admin"])

    package var isAdmin: Bool { roles.contains("admin") }
    /// Members and managers may make and change images; readers only look.
    package var mayWrite: Bool { isAdmin || roles.contains("member") || roles.contains("manager") }
}

/// Who may do what with an image. Pure; every refusal is a sentence.
enum ImagePolicy {
    /// Whether the image exists at all for this caller: what he may not see is 404, not 403.
    static func mayRead(_ image: Image, _ caller: ImageCaller, isMember: Bool) -> Bool {
        guard image.status != .deleted else { return false }
        if caller.isAdmin { return true }
        switch image.visibility {
        case .public, .community: return true
        case .shared where isMember: return true
        case .shared, .private: return caller.project != nil && image.owner == caller.project
        }
    }

    static func requireWrite(_ caller: ImageCaller) throws {
        guard caller.mayWrite else {
            throw CloudError(.forbidden, "Your roles in this project allow looking at images only; this needs the role member.")
        }
    }

    /// A caller who may read an image may change it only if his project owns it.
    static func requireChange(_ image: Image, _ caller: ImageCaller) throws {
        try requireWrite(caller)
        guard caller.isAdmin || (caller.project != nil && image.owner == caller.project) else {
            throw CloudError(.forbidden, "You are not allowed to change this image: another project owns it.")
        }
    }

    static func requireMaking(_ visibility: ImageVisibility, _ caller: ImageCaller) throws {
        switch visibility {
        case .public where !caller.isAdmin:
            throw CloudError(
                .forbidden,
                "You are not authorized to complete publicize_image action: only an administrator makes an image public.")
        case .public, .private, .shared, .community: return
        }
    }
}
