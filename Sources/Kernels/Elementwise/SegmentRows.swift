extension Kernels {
    /// `result[i] ← x[i] + x[first row of i's segment]`: every token together with its [CLS].
    ///
    /// - Parameter segments: start of every segment, and the number of rows.
    public static func addFirstRows(_ x: Matrix, segments: [Int], into result: Matrix) {
        for (start, end) in zip(segments, segments.dropFirst()) {
            let first = x.row(start)
            for row in start..<end {
                let values = x.row(row)
                let sums = result.row(row)
                for i in Swift.stride(from: 0, to: x.columns, by: vectorWidth) {
                    store(load(values, i) + load(first, i), sums, i)
                }
            }
        }
    }

    /// Gradient of `addFirstRows`, in place: to the first row of a segment, all rows of the segment are added, in order.
    public static func addFirstRowsBackward(_ gradient: Matrix, segments: [Int]) {
        for (start, end) in zip(segments, segments.dropFirst()) where end > start {
            let first = gradient.row(start)
            // Its own token counts twice: once as itself, once as [CLS].
            for i in Swift.stride(from: 0, to: gradient.columns, by: vectorWidth) {
                var sum = load(first, i) + load(first, i)
                for row in (start + 1)..<max(end, start + 1) { sum += load(gradient.row(row), i) }
                store(sum, first, i)
            }
        }
    }
}

extension Kernels {
    /// `result ← mean of all rows of x`, `[columns]`.
    public static func meanRows(_ x: Matrix, into result: UnsafeMutablePointer<Float>) {
        let scale = 1 / Float(x.rows)
        for i in Swift.stride(from: 0, to: x.columns, by: vectorWidth) {
            var total = Vector.zero
            for row in 0..<x.rows { total += load(x.row(row), i) }
            store(total * scale, result, i)
        }
    }

    /// Adds `scale · vector`, `[columns]`, to every row: with 1 / rows the gradient of `meanRows`.
    public static func addToRows(_ vector: UnsafePointer<Float>, scale: Float, _ x: Matrix) {
        for row in 0..<x.rows {
            let values = x.row(row)
            for i in Swift.stride(from: 0, to: x.columns, by: vectorWidth) {
                store(load(values, i).addingProduct(load(vector, i), Vector(repeating: scale)), values, i)
            }
        }
    }
}
