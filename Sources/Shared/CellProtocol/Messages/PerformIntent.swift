package import CloudModel

/// Hub → conductor: carry these out. Answered when they are stored in the cell's database, or refused for good.
package struct PerformIntent: CellCall {
    package static let kind = "perform-intent/1"

    package enum Order: Codable, Sendable, Hashable {
        case create(ServerSpec)
        case reboot(hard: Bool)
        case start
        case stop
        case delete

        package var verb: Verb {
            switch self {
            case .create: .create
            case .reboot: .reboot
            case .start: .start
            case .stop: .stop
            case .delete: .delete
            }
        }
    }

    package struct Intent: Codable, Sendable, Hashable {
        package var id: IntentID
        package var server: ServerID
        package var epoch: PlacementEpoch
        /// The number of the action among the server's: the cell carries them out in this order.
        package var number: Int
        package var order: Order
        package var request: RequestID?
        /// Not to be started after this; nil for delete.
        package var deadline: Timestamp?
        /// True: the cell has said before that it stored the server's create under this epoch. One that has no record of the server has
        /// lost what it knew.
        package var wasStored: Bool?

        package init(
            id: IntentID, server: ServerID, epoch: PlacementEpoch, number: Int, order: Order, request: RequestID?,
            deadline: Timestamp?, wasStored: Bool? = nil
        ) {
            self.id = id
            self.server = server
            self.epoch = epoch
            self.number = number
            self.order = order
            self.request = request
            self.deadline = deadline
            self.wasStored = wasStored
        }
    }

    package enum Answer: Codable, Sendable, Hashable {
        case stored
        /// Never will be: the cell holds a tombstone for (server, epoch) and has nothing of the server.
        case refused(reason: String)
        /// Not now, for a reason of the cell's own (it is recovering): ask again.
        case notNow(reason: String)
    }

    package struct Reply: Codable, Sendable, Hashable {
        package var answers: [Answer]
        package init(answers: [Answer]) { self.answers = answers }
    }

    package var intents: [Intent]
    package init(intents: [Intent]) { self.intents = intents }
}
