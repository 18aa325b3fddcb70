import APIConventions
import CloudModel

/// Who asks, and what the cloud's rules let them do with images.
struct ImageCaller: Sendable {
    let caller: Caller
    let policy: Policy

    var project: ProjectID? { caller.projectID }
    var isAdmin: Bool { caller.isAdmin }

    /// May do this with an image that is owned by `owner`. `member`: the project whose membership it is about.
    func may(_ action: ImagePolicy.Action, imageOf owner: ProjectID?, visibility: ImageVisibility?, member: ProjectID? = nil)
        -> Bool
    {
        var target: [String: String] = [:]
        if let owner { target["project_id"] = owner.rawValue }
        if let owner { target["owner"] = owner.rawValue }
        if let visibility { target["visibility"] = visibility.rawValue }
        if let member { target["member_id"] = member.rawValue }
        return policy.allows(action.rawValue, by: caller, on: target)
    }

    func may(_ action: ImagePolicy.Action, _ image: Image, member: ProjectID? = nil) -> Bool {
        may(action, imageOf: image.owner, visibility: image.visibility, member: member)
    }

    /// Those of a page of the list that the rule for a single image shows as well.
    func shown(_ page: [Image]) -> [Image] {
        policy.allowsAll(ImagePolicy.Action.show.rawValue) ? page : page.filter { may(.show, $0) }
    }
}
