/// Host → conductor: what I see. Repeated until acknowledged; the conductor has it in its database when it answers.
package struct ReportWork: CellCall {
    package static let kind = "report-work/1"
    package typealias Reply = Done

    package var observations: [Observation]
    package init(observations: [Observation]) { self.observations = observations }
}
