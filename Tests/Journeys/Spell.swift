import CloudModel
import Hypervisors
import Testing

/// The time from a guest's first being on to its end, on one host.
struct Spell {
    let host: String
    let from: Timestamp
    var to: Timestamp

    static func all(of history: [SimulationJournal.Entry], on host: String) -> [(ServerID, Spell)] {
        var spells: [(ServerID, Spell)] = []
        var open: [ServerID: Int] = [:]
        for entry in history {
            switch entry.event {
            case .power where entry.power?.isOn == true:
                guard open[entry.server] == nil else { continue }
                open[entry.server] = spells.count
                spells.append((entry.server, Spell(host: host, from: entry.at, to: Timestamp(microseconds: .max))))
            case .power, .destroyed:
                if let index = open.removeValue(forKey: entry.server) { spells[index].1.to = entry.at }
            case .defined, .applied, .violation: continue
            }
        }
        return spells
    }

    /// No server ever ran on two hosts at once.
    static func neverOverlap(_ spells: [ServerID: [Spell]]) {
        for (server, spells) in spells {
            let ordered = spells.sorted { $0.from < $1.from }
            for (earlier, later) in zip(ordered, ordered.dropFirst()) {
                #expect(earlier.to <= later.from, "\(server) ran at once on \(earlier.host) and \(later.host)")
            }
        }
    }
}
