import Testing

@testable import Nova

@Suite struct CompanyTests {
    private let start = ContinuousClock.now

    @Test func theFirstAfterAQuietWhileGoesAtOnce() {
        var company = Company(spacing: .milliseconds(25))
        #expect(company.wait(at: start) == nil)
        company.begins(with: 0, at: start)
        #expect(company.wait(at: start + .milliseconds(30)) == nil)
    }

    @Test func underLoadEachWaitsForTheOthers() {
        var company = Company(spacing: .milliseconds(25))
        company.begins(with: 0, at: start)
        for round in 1...5 {
            let now = start + .milliseconds(25 * round)
            #expect(company.wait(at: now - .milliseconds(10)) == now)
            company.begins(with: 2, at: now)
        }
    }

    @Test func whoIsAloneWaitsSeldomInVain() {
        var company = Company(spacing: .milliseconds(25))
        var now = start
        var waits = 0
        for _ in 0..<90 {
            if let end = company.wait(at: now) {
                waits += 1
                now = end
            }
            company.begins(with: 0, at: now)
            now += .milliseconds(3)
        }
        #expect(waits == 10)
    }
}
