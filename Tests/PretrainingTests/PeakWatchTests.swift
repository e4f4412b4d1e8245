import Pretraining
import Testing

@Suite("The peak of a long run")
struct PeakWatchTests {
    @Test("Is measured again when ten minutes have passed, and kept where it cannot be")
    func again() {
        let start = ContinuousClock.now
        var answers: [Double?] = [3, nil, 5]
        var asked = 0
        var watch = PeakWatch(first: 2, now: start) {
            asked += 1
            return answers.removeFirst()
        }
        watch.refresh(now: start + .seconds(599))
        #expect(watch.peak == 2 && asked == 0)
        watch.refresh(now: start + PeakWatch.interval)
        #expect(watch.peak == 3 && asked == 1)
        watch.refresh(now: start + PeakWatch.interval + .seconds(1))
        #expect(asked == 1)
        watch.refresh(now: start + .seconds(1300))
        #expect(watch.peak == 3 && asked == 2)
        watch.refresh(now: start + .seconds(9999))
        #expect(watch.peak == 5 && asked == 3)
    }
}
