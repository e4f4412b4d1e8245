import Formatting

/// What was made of the models.
enum ResultsSection {
    static func html(_ report: ReportFacts) -> HTML {
        let parts = report.results.map { result -> HTML in
            let heading: HTML = "<h3>\(result.kind.title) <span class=\"note\">\(result.path)</span></h3>"
            if result.kind == .analysis { return "\(heading)\(layers(result))" }
            let table = PageParts.table(
                result.header.map(PageParts.text), result.rows.map { $0.map(PageParts.text) },
                numeric: Set(1..<max(2, result.header.count)))
            return "\(heading)\(table)<p class=\"note\">\(result.explanation)</p>"
        }
        return "\(parts)"
    }

    private static func layers(_ result: ResultFacts) -> HTML {
        let names = LayerCurves.quantities.map { quantity -> HTML in
            """
            <figure class="chart" data-layers="\(quantity.id)" data-result="\(result.path)"><figcaption><h3>\(quantity.title)</h3>\
            <span class="note">\(quantity.note)</span></figcaption><div class="plot" role="img" aria-label="\(quantity.title), by layer"></div></figure>
            """
        }
        let curves = LayerCurves.all([result])[result.path]?[LayerCurves.quantities[0].id] ?? []
        let key = curves.enumerated().map { index, curve -> HTML in
            "<span class=\"run\"><i class=\"swatch s\(index % 8)\"></i>\(curve.label)</span> "
        }
        return "<div class=\"legend\">\(key)</div><div class=\"charts\">\(names)</div>"
    }
}

/// Quantities of layers as curves for the page's script.
struct LayerCurves: Encodable {
    struct Curve: Encodable {
        var label: String
        var values: [Double?]
    }

    static let quantities = [
        (id: "gradient_norms", title: "Gradient norm of each layer", note: "of the objective"),
        (id: "weight_norms", title: "Weight norm of each layer", note: "of all its parameters"),
        (
            id: "angular_distances", title: "Angular distance across each layer",
            note: "arccos(cos)/π of input and output"
        ),
        (id: "loss_changes", title: "Loss change when a layer is removed", note: "nats"),
    ]

    /// Path of the result, then quantity.
    static func all(_ results: [ResultFacts]) -> [String: [String: [Curve]]] {
        var all: [String: [String: [Curve]]] = [:]
        for result in results where result.kind == .analysis {
            for model in result.analyses {
                for network in model.networks {
                    let label = result.analyses.count > 1 ? "\(model.label), \(network.network)" : network.network
                    let values = [
                        network.gradientNorms, network.weightNorms, network.angularDistances, network.lossChanges,
                    ]
                    for (quantity, numbers) in zip(quantities, values) {
                        all[result.path, default: [:]][quantity.id, default: []].append(
                            Curve(label: HTML.plain(label), values: numbers.map(CurveFacts.Curves.short)))
                    }
                }
            }
        }
        return all
    }
}
