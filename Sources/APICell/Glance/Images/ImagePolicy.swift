import APIConventions
import CloudModel

/// Who may do what with an image. Which images exist for a caller is decided by owner, visibility and membership, whatever the rules
/// say; what he may do with those is decided by rules under Glance's own names. Pure; every refusal is a sentence.
enum ImagePolicy {
    enum Action: String, CaseIterable {
        case list = "get_images"
        case show = "get_image"
        case create = "add_image"
        case change = "modify_image"
        case delete = "delete_image"
        case publicize = "publicize_image"
        case communitize = "communitize_image"
        case upload = "upload_image"
        case download = "download_image"
        case deactivate, reactivate
        case listMembers = "get_members"
        case showMember = "get_member"
        case addMember = "add_member"
        case changeMember = "modify_member"
        case deleteMember = "delete_member"
    }

    /// What the target has where a rule is asked about. An image belongs to a project and to no user.
    static func targets(_ rule: String) -> Set<String> {
        switch Action(rawValue: rule) {
        case .list, .create: ["project_id", "owner"]
        case .changeMember: ["project_id", "owner", "visibility", "member_id"]
        case .show, .change, .delete, .publicize, .communitize, .upload, .download, .deactivate, .reactivate, .listMembers,
            .showMember, .addMember, .deleteMember:
            ["project_id", "owner", "visibility"]
        case nil: []
        }
    }

    static let defaults: [String: String] = Dictionary(
        uniqueKeysWithValues: Action.allCases.map { action in
            let rule =
                switch action {
                case .list, .show, .download, .listMembers, .showMember: "@"
                case .create, .change, .delete, .communitize, .upload, .deactivate, .reactivate, .addMember, .deleteMember:
                    "rule:project_member_or_admin"
                case .publicize: "rule:admin_required"
                case .changeMember: "rule:admin_required or (role:member and project_id:%(member_id)s)"
                }
            return (action.rawValue, rule)
        })

    /// Whether the image exists at all for this caller: what he may not see is 404, not 403.
    static func mayRead(_ image: Image, _ caller: ImageCaller, isMember: Bool) -> Bool {
        guard image.status != .deleted, caller.may(.show, image) else { return false }
        if caller.isAdmin { return true }
        switch image.visibility {
        case .public, .community: return true
        case .shared where isMember: return true
        case .shared, .private: return caller.project != nil && image.owner == caller.project
        }
    }

    /// Throws 403 unless the caller may do this with an image that he sees.
    static func require(_ action: Action, of image: Image, _ caller: ImageCaller) throws {
        guard !caller.may(action, image) else { return }
        try requireWriter(caller)
        guard caller.isAdmin || (caller.project != nil && image.owner == caller.project) else {
            throw CloudError(.forbidden, "You are not allowed to change this image: another project owns it.")
        }
        throw refusal(action)
    }

    static func requireMaking(_ caller: ImageCaller) throws {
        guard !caller.may(.create, imageOf: caller.project, visibility: nil) else { return }
        try requireWriter(caller)
        throw refusal(.create)
    }

    static func requireMaking(_ visibility: ImageVisibility, of owner: ProjectID?, _ caller: ImageCaller) throws {
        switch visibility {
        case .public where !caller.may(.publicize, imageOf: owner, visibility: visibility):
            throw CloudError(
                .forbidden,
                "You are not authorized to complete publicize_image action: only an administrator makes an image public.")
        case .community where !caller.may(.communitize, imageOf: owner, visibility: visibility): throw refusal(.communitize)
        case .public, .private, .shared, .community: return
        }
    }

    /// Only the member itself says whether it wants the image.
    static func requireMembership(_ member: ProjectID, of image: Image, _ caller: ImageCaller) throws {
        guard !caller.may(.changeMember, image, member: member) else { return }
        try requireWriter(caller)
        throw CloudError(.forbidden, "Only the member itself accepts or rejects an image.")
    }

    static func refusal(_ action: Action) -> CloudError {
        CloudError(.forbidden, "You are not authorized to complete \(action.rawValue) action.")
    }

    /// The sentence for those who lack the role that the defaults ask for.
    private static func requireWriter(_ caller: ImageCaller) throws {
        guard caller.isAdmin || !caller.caller.roles.isDisjoint(with: ["member", "manager"]) else {
            throw CloudError(.forbidden, "Your roles in this project allow looking at images only; this needs the role member.")
        }
    }
}
