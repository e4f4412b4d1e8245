import Formatting
import Kernels
import Plots

extension StepTimeline {
    /// A row for each thread that computes, one for what the rank waits for, and one for each way that messages take.
    var figure: Timeline {
        let start = start
        var rows: [Timeline.Row] = []
        for (rank, part) in parts.enumerated() {
            var own: [(label: String, bars: [Timeline.Bar])] = []
            func add(_ label: String, _ spans: [Profile.Span], _ kind: (Profile.Span) -> Kind?) {
                let bars = spans.compactMap { span in
                    kind(span).map { (span, $0) }
                }.sorted {
                    // What is within another begins with it or later, and is shorter.
                    ($0.0.start, $1.0.nanoseconds) < ($1.0.start, $0.0.nanoseconds)
                }.map { span, kind in
                    let from = (part.origin + Double(span.start) - start) / 1e6
                    return Timeline.Bar(start: from, end: from + Double(span.nanoseconds) / 1e6, kind: kind.rawValue)
                }
                if !bars.isEmpty { own.append((label, bars)) }
            }
            let computing = part.spans.filter { $0.message == nil }
            for thread in part.threads { add(thread, computing.filter { $0.thread == thread }, Kind.ofWork) }
            let messages = part.spans.filter { $0.message?.hasPrefix("to") ?? false }
            for way in Set(messages.compactMap(\.message)).sorted(by: { ($0.count, $0) < ($1.count, $1) }) {
                add(way, messages.filter { $0.message == way }, Kind.ofMessage)
            }
            let name = parts.count > 1 ? "rank \(rank): " : ""
            rows += own.enumerated().map { index, row in
                Timeline.Row(name + row.label, bars: row.bars, beginsGroup: index == 0)
            }
        }
        let used = Set(rows.flatMap { $0.bars.map(\.kind) })
        return Timeline(
            title: "Step \(CountFormat.grouped(step))",
            subtitle: parts.count > 1
                ? "What threads of \(parts.count) ranks did, and how long what they sent was under way"
                : "What threads did",
            unit: "milliseconds", kinds: Kind.allCases.map { used.contains($0.rawValue) ? $0.name : "" }, rows: rows)
    }

    /// What a bar stands for; its value is its colour.
    private enum Kind: Int, CaseIterable {
        case forward, backward, optimizer, summing, gradientsSent, weightsSent, pass, waiting

        var name: String {
            switch self {
            case .forward: "forward"
            case .backward: "backward"
            case .pass: "losses, masks, samples"
            case .summing: "gradients summed"
            case .optimizer: "weights moved"
            case .gradientsSent: "gradients sent"
            case .weightsSent: "weights sent"
            case .waiting: "waiting"
            }
        }

        static func ofWork(_ span: Profile.Span) -> Kind? {
            if let phase = span.phase {
                // Kernels within a phase are what it is made of.
                guard phase.isEmpty else { return nil }
                switch span.name {
                case Profile.Kernel.merge.rawValue: return .summing
                case Profile.Kernel.update.rawValue, Profile.Kernel.rounding.rawValue: return .optimizer
                default: return nil
                }
            }
            if span.name.hasSuffix("forward") { return .forward }
            if span.name.hasSuffix("backward") { return .backward }
            if span.name == "exchange" { return .summing }
            return span.thread == "run" && span.name != "masking" ? .waiting : .pass
        }

        static func ofMessage(_ span: Profile.Span) -> Kind? {
            span.name.hasPrefix("gradients") ? .gradientsSent : span.name.hasPrefix("weights") ? .weightsSent : nil
        }
    }
}
