import Foundation

/// What runs are at, as OpenMetrics 1.0 (prometheus.io/docs/specs/om/open_metrics_spec).
enum OpenMetrics {
    static func text(_ report: ReportFacts) -> String {
        var families: [(name: String, type: String, help: String, samples: [(labels: String, value: Double)])] = []
        func add(_ name: String, _ type: String, _ help: String, _ value: (RunFacts) -> Double?) {
            let samples = report.runs.compactMap { run in value(run).map { (label(run), $0) } }
            if !samples.isEmpty { families.append((name, type, help, samples)) }
        }
        add("pretrain_steps", "counter", "Steps that the run has taken.") { Double($0.progress.step) }
        add("pretrain_steps_planned", "gauge", "Steps of the whole run.") { $0.progress.steps.map(Double.init) }
        add("pretrain_tokens", "counter", "Tokens seen in training.") { Double($0.progress.tokens) }
        add("pretrain_time_seconds", "counter", "Time that the run has taken.") { $0.progress.seconds }
        add("pretrain_left_seconds", "gauge", "Time that is left at the pace of late.") { $0.progress.secondsLeft }
        add("pretrain_processor_seconds", "counter", "Processor time.") { run in run.cost.coreHours.map { $0 * 3600 } }
        add("pretrain_running", "gauge", "1 while the run is under way.") { $0.status.state == .running ? 1 : 0 }
        add("pretrain_updated_timestamp_seconds", "gauge", "Last sign of life.") { $0.status.updated }
        add("pretrain_alarms", "gauge", "Things that need a look.") { Double($0.alarms.count) }
        add("pretrain_checkpoint_step", "gauge", "Step of the newest sound checkpoint.") { run in
            run.checkpoints.last { $0.problem == nil }.map { Double($0.step) }
        }
        let training = Set(report.runs.flatMap { $0.curves.training.metrics.keys }).sorted()
        for name in training {
            add("pretrain_training_\(safe(name))", "gauge", "In training, newest line of the log.") { run in
                run.curves.training.metrics[name]?.mean.last ?? nil
            }
        }
        let heldOut = Set(report.runs.flatMap { $0.heldOut.keys }).sorted()
        for name in heldOut {
            add("pretrain_held_out_\(safe(name))", "gauge", "On held-out text, newest evaluation.") { $0.heldOut[name] }
        }
        return families.map { family in
            let suffix = family.type == "counter" ? "_total" : ""
            return "# TYPE \(family.name) \(family.type)\n# HELP \(family.name) \(family.help)\n"
                + family.samples.map { "\(family.name)\(suffix)\($0.labels) \(number($0.value))\n" }.joined()
        }.joined() + "# EOF\n"
    }

    private static func label(_ run: RunFacts) -> String {
        let name = run.name.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
        return "{run=\"\(name)\"}"
    }

    private static func safe(_ name: String) -> String {
        String(
            name.unicodeScalars.map {
                ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0) ? Character($0) : "_"
            })
    }

    private static func number(_ value: Double) -> String {
        value.isFinite
            ? (value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : "\(value)")
            : value.isNaN ? "NaN" : value < 0 ? "-Inf" : "+Inf"
    }
}
