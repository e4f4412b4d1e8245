import Foundation
import Reports
import Runs
import TestSupport
import Testing

@Suite struct FactsTests {
    @Test func aRunIsReadFromItsFiles() throws {
        let recorded = try RecordedRun()
        let facts = try recorded.reader().facts()
        let run = try #require(facts.runs.first)
        #expect(run.status.state == .finished && run.status.updated == 1_700_000_200)
        #expect(run.progress.step == 400 && run.progress.steps == 400 && run.progress.tokens == 40_000)
        #expect(run.progress.seconds == 1440 && !run.progress.secondsAreEstimated && run.progress.secondsLeft == nil)
        #expect(run.model?.preset == "demo" && run.model?.layers == 3 && run.model?.detects == true)
        #expect(run.heldOut["discriminator_auc"] == 0.75 && run.heldOut["generator_loss"] == 9.0 / 40)
        #expect(run.samples.first?.step == 400 && run.samples.first?.samples.first?.tokens.count == 3)
        // What the preset says otherwise, and nothing else.
        let changed = run.configuration?.settings.filter { $0.usual != nil }.map(\.key) ?? []
        #expect(changed.contains("model.layer_count") && changed.contains("training.steps"))
        #expect(!changed.contains("model.hidden_size"))
        #expect(run.missing.contains { $0.contains("checkpoint") })
    }

    @Test("What cannot be shown is told at every reading") func missing() throws {
        let recorded = try RecordedRun()
        try recorded.addCheckpoint(step: 400)
        try recorded.folder.remove("run/samples.jsonl")
        let reader = RunReader(path: recorded.path, name: "r")
        let first = try reader.facts().missing
        #expect(first.map { $0.prefix { $0 != ":" } } == ["Sample sentences", "Nearest neighbours"], "\(first)")
        #expect(try reader.facts().missing == first)
    }

    @Test func whatARunCostIsTheSumOfItsStarts() throws {
        let recorded = try RecordedRun()
        let run = try #require(try recorded.reader().facts().runs.first)
        #expect(run.sessions.count == 2 && run.sessions[0].outcome == nil && run.sessions[1].outcome == "finished")
        #expect(run.cost.coreHours == 3 && run.cost.peakMemoryBytes == 9 && run.cost.sessionsWithoutEnd == 1)
        // One start did not tell: a sum would be too little.
        #expect(run.cost.kilowattHours == nil)
        let warning = run.alarms.first { $0.source == .records }
        #expect(warning?.text == "watch <out>" && warning?.count == 2 && warning?.step == 90)
        #expect(run.alarms.contains { $0.text.contains("broke off") })
    }

    @Test func anUnfinishedRunIsUnderWayWhileItsFilesChange() throws {
        let recorded = try RecordedRun(ends: false)
        let now = Date().timeIntervalSince1970
        let reader = RunReader(path: recorded.path, name: "r")
        #expect(try reader.facts(now: now).status.state == .running)
        #expect(try reader.facts(now: now + 3600).status.state == .interrupted)
        #expect(try reader.facts(now: now + 3600).commands.first?.command.hasPrefix("pretrain run --output") == true)
    }

    @Test func aFineTuningRunIsOneToo() throws {
        let folder = try TemporaryFolder()
        try folder.write("train: a.jsonl\ntraining: {epochs: 7}\n", to: "seed-0/config.yaml")
        try folder.write(
            #"{"step":5,"loss":1}"# + "\n" + #"{"step":5,"evaluation":{"epoch":1,"validation":{"accuracy":0.5}}}"#
                + "\n",
            to: "seed-0/metrics.jsonl")
        try folder.write("{}", to: "seed-0/result.json")
        let run = try RunReader(path: folder("seed-0"), name: "r").facts()
        #expect(run.status.state == .finished && run.heldOut["accuracy"] == 0.5)
        #expect(run.configuration?.settings.first { $0.key == "training.epochs" }?.value == "7")
        #expect(run.commands.first?.command.hasPrefix("pretrain predict") == true)
        #expect(!run.missing.contains { $0.contains("Configuration") })
    }

    @Test func anythingElseIsNoRun() throws {
        let folder = try TemporaryFolder()
        #expect(throws: ReportError.notARun(path: folder.path)) {
            try ReportReader(runs: [folder.path], names: ["x"], results: []).facts()
        }
        let file = try folder.write("{}", to: "x.json")
        #expect(throws: ReportError.unknownResults(path: file)) {
            try ReportReader(runs: [folder.path], names: ["x"], results: [file])
        }
    }

    @Test("A run that is gone keeps what was known of it, and the others go on") func oneIsGone() throws {
        let (first, second) = (try RecordedRun(), try RecordedRun())
        let reader = try ReportReader(runs: [first.path, second.path], names: ["one", "two"], results: [])
        let before = try reader.facts().runs.map(\.progress.step)
        try FileManager.default.removeItem(atPath: first.path)
        #expect(try reader.facts().runs.map(\.progress.step) == before)
    }

    @Test func resultsAreFoundBesideTheRun() throws {
        let recorded = try RecordedRun()
        let scores = #"{"loss":0.5,"accuracy":0.75,"predicts_one_class":false,"texts":10}"#
        try recorded.folder.write(
            #"{"seed":1,"steps":9,"best_step":9,"texts":10,"truncated":0,"validation":\#(scores),"test":\#(scores)}"#,
            to: "run/tuned/seed-1/result.json")
        let pairs = try recorded.folder.write(
            #"{"files":[{"file":"a","pairs":4,"language":0.5}],"mean":{"file":"mean","pairs":4,"language":0.5}}"#,
            to: "pairs.json")
        let facts = try ReportReader(runs: [recorded.path], names: ["r"], results: [pairs]).facts()
        #expect(facts.results.map(\.kind) == [.fineTuning, .minimalPairs])
        #expect(facts.results[0].rows == [["1", "0.7500", "0.7500"]])
        #expect(facts.results[1].rows == [["a", "4", "50.0 %", "–", "–"], ["mean", "4", "50.0 %", "–", "–"]])
    }
}

@Suite struct CurveThinningTests {
    /// Every line is in exactly one point, points tell the true lowest and highest value, and the beginning is kept whole.
    @Test(arguments: [1, 15, 16, 17, 100, 799, 800, 801, 5000, 50_000])
    func pointsTellTheTruth(lines: Int) throws {
        let folder = try TemporaryFolder()
        var random = SplitMix64(seed: UInt64(lines))
        let losses = (0..<lines).map { _ in Double(random.next() % 100_000) / 1000 }
        var log = ""
        for (line, loss) in losses.enumerated() {
            log += #"{"step":\#(line + 1),"tokens":\#(line * 7),"loss":\#(loss)}"# + "\n"
        }
        let path = try folder.write(log, to: "metrics.jsonl")
        var reader = MetricsReader(path: path)
        #expect(try reader.read())
        let curves = CurveFacts(reader, points: 800).training
        let loss = try #require(curves.metrics["loss"])
        #expect(curves.lines == lines && curves.step.last == lines && curves.step.count <= 900)
        let counts = curves.count.isEmpty ? Array(repeating: 1, count: lines) : curves.count
        #expect(counts.reduce(0, +) == lines)
        #expect(counts.prefix(min(lines, 25)).allSatisfy { $0 == 1 } || lines <= 800)
        var start = 0
        var isTrue = true
        for (point, count) in counts.enumerated() {
            let part = losses[start..<start + count]
            start += count
            isTrue = isTrue && curves.step[point] == start
            isTrue = isTrue && abs((loss.mean[point] ?? .nan) - part.reduce(0, +) / Double(count)) < 1e-2
            guard !curves.count.isEmpty else { continue }
            isTrue = isTrue && abs((loss.low[point] ?? .nan) - (part.min() ?? 0)) < 1e-2
            isTrue = isTrue && abs((loss.high[point] ?? .nan) - (part.max() ?? 0)) < 1e-2
        }
        #expect(isTrue && start == lines)
    }
}

@Suite struct OpenMetricsTests {
    @Test func everyFamilyIsDeclaredOnceAndTheTextEnds() async throws {
        let recorded = try RecordedRun()
        let server = try LiveServer(try recorded.reader(name: "a \"b\"\\\n"), options: .init(port: 0))
        let text = try await Served.during(server) { try await $0.text("metrics") }
        let lines = text.split(separator: "\n").map(String.init)
        #expect(lines.last == "# EOF" && text.hasSuffix("# EOF\n"))
        let types = lines.filter { $0.hasPrefix("# TYPE ") }
        #expect(Set(types).count == types.count && types.count > 10)
        #expect(lines.contains(#"pretrain_steps_total{run="a \"b\"\\\n"} 400"#))
        #expect(lines.contains { $0.hasPrefix("pretrain_held_out_discriminator_auc{") && $0.hasSuffix(" 0.75") })
    }
}
