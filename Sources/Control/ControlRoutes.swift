import FerryCore
import Hummingbird
import NIOCore
import Planning
import Reporting

/// What an agent's server answers.
struct ControlRoutes: Sendable {
    private let control: any AgentControl
    private let limits: ControlLimits

    init(_ control: any AgentControl, limits: ControlLimits) {
        self.control = control
        self.limits = limits
    }

    /// All routes. Only who may open the control socket may make runs due.
    func responder(mayAct: Bool) -> some HTTPResponder<ControlContext> {
        let router = Router(context: ControlContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: RefusalsAsJSON())
        router.get("healthz") { _, _ in health(await control.status()) }
        router.get("metrics") { _, _ in
            text(PrometheusText.text(await control.status()), type: PrometheusText.contentType)
        }
        router.get("api/status") { request, _ in
            let patterns = request.uri.queryParameters[values: "image"].map { ImagePattern(String($0)) }
            return try json(await control.status().filtered(patterns))
        }
        router.post("api/sync") { request, context in
            guard mayAct else { throw ControlRefusal.onlyThroughSocket }
            return try json(await sync(request, context))
        }
        return router.buildResponder()
    }

    private func health(_ status: AgentStatus) -> Response {
        guard !status.isHealthy else { return text("ok\n") }
        return text(status.problems.map { "\($0.printable)\n" }.joined(), status: .serviceUnavailable)
    }

    private func sync(_ request: Request, _ context: ControlContext) async throws -> [SyncReply] {
        guard request.uri.queryParameters["wait"] == "1" else {
            return try await control.sync(wish(request.body, context), isWaiting: false)
        }
        // Who went away does not wait any more.
        return try await request.body.consumeWithCancellationOnInboundClose { body in
            try await control.sync(wish(body, context), isWaiting: true)
        }
    }

    private func wish(_ body: RequestBody, _ context: ControlContext) async throws -> SyncRequest {
        let deadline = context.channel.closing(after: limits.transferTimeout)
        defer { deadline.cancel() }
        do {
            let bytes = try await body.collect(upTo: limits.bodyByteCountMax)
            return try JSONDocument.decode(SyncRequest.self, from: bytes.readableBytesView)
        } catch is DecodingError {
            throw ControlRefusal.malformed
        } catch is NIOTooManyBytesError {
            throw ControlRefusal(
                "the request is longer than \(limits.bodyByteCountMax) bytes", remedy: "name images by patterns",
                .usage)
        }
    }

    private func text(
        _ text: String, type: String = "text/plain; charset=utf-8", status: HTTPResponse.Status = .ok
    ) -> Response {
        Response(
            status: status, headers: [.contentType: type, .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}

/// What a request carries on its way to a route.
struct ControlContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The connection that it came by.
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }
}

/// Errors as documents: cause, remedy and disposition.
private struct RefusalsAsJSON: RouterMiddleware {
    func handle(
        _ request: Request, context: ControlContext, next: (Request, ControlContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as HTTPError where error.status == .notFound {
            return try json(ControlRefusal.noSuchPath, status: .notFound)
        } catch {
            let refusal = ControlRefusal(error)
            return try json(refusal, status: refusal.httpStatus)
        }
    }
}

private func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
    Response(
        status: status, headers: [.contentType: "application/json", .cacheControl: "no-store"],
        body: ResponseBody(byteBuffer: ByteBuffer(string: try JSONDocument.line(value) + "\n")))
}

extension ControlRefusal {
    fileprivate static let onlyThroughSocket = ControlRefusal(
        "runs are asked for through the control socket only",
        remedy: "use `rbd-ferry sync now`, or POST to the socket under control:", .unauthorized)
    fileprivate static let malformed = ControlRefusal(
        "the request is no JSON document as expected", remedy: #"send {"images": ["PATTERN", ...], "peer": "NAME"}"#,
        .usage)
    fileprivate static let noSuchPath = ControlRefusal(
        "there is nothing at this path", remedy: "there are /healthz, /metrics, /api/status and POST /api/sync", .usage)

    fileprivate var httpStatus: HTTPResponse.Status {
        switch disposition {
        case .usage: .badRequest
        case .unauthorized: .forbidden
        case .refused, .locked: .conflict
        case .temporary: .serviceUnavailable
        case .timedOut: .gatewayTimeout
        case .permanent, .differs: .internalServerError
        }
    }
}

extension AgentStatus {
    /// With those images only that one of the patterns names; all when there is none.
    fileprivate func filtered(_ patterns: [ImagePattern]) -> AgentStatus {
        guard !patterns.isEmpty else { return self }
        var status = self
        status.images = images.filter { entry in
            patterns.contains { $0.matches(entry.image) }
        }
        return status
    }
}

extension Channel {
    /// Closes the connection after a time, unless that is cancelled before.
    func closing(after time: Duration) -> Scheduled<Void> {
        eventLoop.scheduleTask(in: TimeAmount(time)) { self.close(mode: .all, promise: nil) }
    }
}
