import Foundation

extension Reference {
    /// A table of relative positions behind a norm, which all layers read (DeBERTa, arXiv 2006.03654, section 3.1).
    final class RelativePositions {
        struct Form {
            var buckets = 256
            var maximumDistance = 512
        }

        private let form: Form
        private let table: Parameter
        private var norm: any Layer
        /// `[rows, H]`, the gradient of which layers add to.
        private(set) var normalized = Matrix(zeros: 0, 0)
        var gradient = Matrix(zeros: 0, 0)

        init(
            _ prefix: String, _ form: Form, _ configuration: EncoderConfiguration, _ parameters: Parameters
        ) throws {
            self.form = form
            let rows = 2 * (form.buckets > 0 ? form.buckets : form.maximumDistance)
            table = try parameters.require("\(prefix)relative_positions", [rows, configuration.hiddenSize])
            norm = try configuration.makeNorm(
                "\(prefix)relative_norm", width: configuration.hiddenSize, parameters)
        }

        func forward() {
            var rows = Matrix(zeros: table.shape[0], table.shape[1])
            for row in 0..<rows.rows {
                for column in 0..<rows.columns {
                    rows[row, column] = table.values[row * rows.columns + column]
                }
            }
            normalized = norm.forward(rows)
            gradient = Matrix(like: normalized)
        }

        func backward() { table.accumulate(norm.backward(upstream: gradient).values) }

        /// Of the distance from key to query.
        func row(_ distance: Int) -> Int {
            let rows = table.shape[0]
            let middle = form.buckets / 2
            var bucket = distance
            if form.buckets > 0, abs(distance) > middle {
                let range = log(Double(form.maximumDistance - 1) / Double(middle))
                let share = log(Double(abs(distance)) / Double(middle)) / range * Double(middle - 1)
                bucket = (Int((share - 1e-9).rounded(.up)) + middle) * (distance < 0 ? -1 : 1)
            }
            return min(max(bucket + rows / 2, 0), rows - 1)
        }
    }
}
