import APIConventions
import RegionConfig

extension PolicyFolder {
    /// Makes a service with the operator's rules for it. One that it won't take is told with its place.
    func applied<Made>(to service: Service, _ make: (_ rules: [String: String]) throws -> Made) throws -> Made {
        let file = self[service]
        do {
            return try make(file?.rules ?? [:])
        } catch let mistake as PolicyMistake {
            throw file?.wrong(mistake.rule, mistake.sentence) ?? mistake
        }
    }
}
