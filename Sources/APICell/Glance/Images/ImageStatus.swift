/// What an image is good for. The raw values are Glance's.
///
/// Six states and no more than these ways between them:
///
///     queued ──begin──▶ saving ──complete──▶ active ──deactivate──▶ deactivated
///                         │                         ◀─reactivate──
///                         └────fail────────▶ killed
///     all of these ──delete──▶ deleted
///
/// Upstream Glance sends an image whose upload failed back to `queued`. Here it becomes `killed`, as the documents that founded
/// this project say (aborted upload → killed): a half-sent image never looks as if it had merely not been sent yet.
package enum ImageStatus: String, Codable, Sendable, CaseIterable {
    /// Registered; no data yet.
    case queued
    /// Its data is on its way in.
    case saving
    /// Complete, verified, bootable. Its data never changes again.
    case active
    /// Its upload was interrupted or refused. Only good for deleting.
    case killed
    /// Complete, but withdrawn by its owner or an administrator: nobody else downloads or boots it.
    case deactivated
    /// Gone. The row stays, so that the id is never used again.
    case deleted

    /// What can happen to an image.
    package enum Change: Sendable, CaseIterable {
        case beginUpload, completeUpload, failUpload, deactivate, reactivate, delete
    }

    /// The state after a change; nil where the change is not allowed.
    package func after(_ change: Change) -> ImageStatus? {
        switch (self, change) {
        case (.queued, .beginUpload): .saving
        case (.saving, .completeUpload): .active
        case (.saving, .failUpload): .killed
        // Said twice is as good as said once.
        case (.active, .deactivate), (.deactivated, .deactivate): .deactivated
        case (.deactivated, .reactivate), (.active, .reactivate): .active
        case (.queued, .delete), (.saving, .delete), (.active, .delete), (.killed, .delete), (.deactivated, .delete): .deleted
        case (.queued, .completeUpload), (.queued, .failUpload), (.queued, .deactivate), (.queued, .reactivate): nil
        case (.saving, .beginUpload), (.saving, .deactivate), (.saving, .reactivate): nil
        case (.active, .beginUpload), (.active, .completeUpload), (.active, .failUpload): nil
        case (.deactivated, .beginUpload), (.deactivated, .completeUpload), (.deactivated, .failUpload): nil
        case (.killed, .beginUpload), (.killed, .completeUpload), (.killed, .failUpload), (.killed, .deactivate),
            (.killed, .reactivate):
            nil
        case (.deleted, _): nil
        }
    }

    /// The states a change may start from: what a compare-and-set in SQL compares with.
    package static func origins(of change: Change) -> [ImageStatus] {
        allCases.filter { $0.after(change) != nil }
    }
}
