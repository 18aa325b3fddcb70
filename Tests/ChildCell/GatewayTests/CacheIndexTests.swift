import CloudModel
import Testing

@testable import Gateway

@Suite struct CacheIndexTests {
    private func facts(_ size: Int64) -> ImageFacts { ImageFacts(size: size, sha512: String(repeating: "a", count: 128)) }
    private func time(_ seconds: Int64) -> Timestamp { Timestamp(microseconds: seconds * 1_000_000) }

    /// An index of 100 bytes with images of 30, used in their order.
    private func three() -> (index: CacheIndex, images: [ImageID]) {
        var index = CacheIndex(limit: 100)
        let images = (0..<3).map { _ in ImageID.random() }
        for (number, image) in images.enumerated() { index.keep(image, facts(30), lastUse: time(Int64(number))) }
        return (index, images)
    }

    @Test func whatFitsSendsNothingAway() {
        var (index, _) = three()
        let evicted = index.promise(10, to: .random())
        #expect(evicted?.isEmpty == true)
    }

    @Test func theLeastRecentlyUsedGoFirstAndNoMoreThanNeeded() {
        var (index, images) = three()
        _ = index.use(images[0], at: time(10))
        let evicted = index.promise(35, to: .random())
        #expect(evicted?.map(\.image) == [images[1]])
        #expect(Set(index.kept.keys) == [images[0], images[2]])
    }

    @Test func anImageLargerThanTheCacheSendsNothingAway() {
        var (index, _) = three()
        let evicted = index.promise(101, to: .random())
        #expect(evicted?.count == nil)
        #expect(index.kept.count == 3)
    }

    @Test func roomThatIsPromisedIsNotPromisedTwice() {
        var index = CacheIndex(limit: 100)
        let first = ImageID.random()
        func fits(_ image: ImageID) -> Bool { index.promise(60, to: image) != nil }
        #expect(fits(first))
        #expect(!fits(.random()))
        index.forget(first)
        #expect(fits(.random()), "a transfer that broke gives its room back")
    }

    @Test func theLimitHoldsWhateverComes() {
        var index = CacheIndex(limit: 1_000)
        var random = SeededRandom(seed: 7)
        for step in 0..<2_000 {
            let image = ImageID.random()
            let size = Int64.random(in: 1...400, using: &random)
            guard index.promise(size, to: image) != nil else { continue }
            if Bool.random(using: &random) {
                index.keep(image, facts(size), lastUse: time(Int64(step)))
            } else {
                index.forget(image)
            }
            #expect(index.keptBytes <= 1_000)
        }
    }
}
