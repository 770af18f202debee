"""The gRPC half of WeaviateDouble."""

import math
import time
import uuid as uuids
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
from doubles.weaviate_filters import Invalid, meets, words
from weaviate.proto.v1 import (
    aggregate_pb2,
    batch_delete_pb2,
    batch_pb2,
    health_weaviate_pb2,
    search_get_pb2,
    weaviate_pb2_grpc,
)

if TYPE_CHECKING:
    from doubles.weaviate_double import Stored, WeaviateDouble

_MESSAGE_BYTES = 10 << 20  # the least that a server takes


class Rpc(weaviate_pb2_grpc.WeaviateServicer):  # type: ignore[misc]
    """Serves the double's objects."""

    def __init__(self, double: "WeaviateDouble") -> None:
        self._double = double
        options = [
            ("grpc.max_receive_message_length", _MESSAGE_BYTES),
            ("grpc.max_send_message_length", _MESSAGE_BYTES),
            ("grpc.so_reuseport", 0),
        ]
        self._server = grpc.server(ThreadPoolExecutor(8), options=options)
        weaviate_pb2_grpc.add_WeaviateServicer_to_server(self, self._server)
        health = grpc.unary_unary_rpc_method_handler(
            lambda request, context: health_weaviate_pb2.WeaviateHealthCheckResponse(status=1),
            health_weaviate_pb2.WeaviateHealthCheckRequest.FromString,
            health_weaviate_pb2.WeaviateHealthCheckResponse.SerializeToString,
        )
        handlers = grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": health})
        self._server.add_generic_rpc_handlers((handlers,))
        if (tls := double.tls) is None:
            self.port = self._server.add_insecure_port("127.0.0.1:0")
        else:
            key, chain = Path(tls.key_file).read_bytes(), Path(tls.file).read_bytes()
            credentials = grpc.ssl_server_credentials([(key, chain)], chain, tls.asked)
            self.port = self._server.add_secure_port("127.0.0.1:0", credentials)
        self._server.start()

    def close(self) -> None:
        self._server.stop(0).wait()

    def BatchObjects(self, request: Any, context: Any) -> Any:
        double = self._double
        reply = batch_pb2.BatchObjectsReply(took=0.001)
        with double.lock:
            self._enter("BatchObjects", context)
            for index, sent in enumerate(request.objects):
                faults = double.row_faults.get(sent.uuid)
                try:
                    if faults:
                        raise Invalid(faults.popleft())
                    self._put(sent)
                except Invalid as error:
                    reply.errors.add(index=index, error=str(error))
        return reply

    def Search(self, request: Any, context: Any) -> Any:
        began = time.monotonic()
        with self._double.lock:
            self._enter("Search", context)
            try:
                reply = self._found(request)
            except Invalid as error:
                context.abort(grpc.StatusCode.UNKNOWN, str(error))
        reply.took = time.monotonic() - began
        return reply

    def BatchDelete(self, request: Any, context: Any) -> Any:
        double = self._double
        with double.lock:
            self._enter("BatchDelete", context)
            try:
                stored = self._stored(request.collection)
                if not request.HasField("filters"):
                    raise Invalid("no filters in batch delete request")
                matching = self._matching(stored, request.filters)
            except Invalid as error:
                context.abort(grpc.StatusCode.UNKNOWN, f"batch delete: {error}")
            reply = batch_delete_pb2.BatchDeleteReply(matches=len(matching))
            for uuid in matching[: double.most]:
                faults = double.row_faults.get(uuid)
                reason = faults.popleft() if faults else None
                if reason is None:
                    del stored.objects[uuid]
                    reply.successful += 1
                else:
                    reply.failed += 1
                if request.verbose:
                    told = {"error": reason} if reason else {}
                    reply.objects.add(
                        uuid=uuids.UUID(uuid).bytes, successful=reason is None, **told
                    )
        return reply

    def Aggregate(self, request: Any, context: Any) -> Any:
        with self._double.lock:
            self._enter("Aggregate", context)
            try:
                stored = self._stored(request.collection)
                filters = request.filters if request.HasField("filters") else None
                count = len(self._matching(stored, filters))
            except Invalid as error:
                context.abort(grpc.StatusCode.UNKNOWN, f"aggregate: {error}")
        reply = aggregate_pb2.AggregateReply()
        reply.single_result.objects_count = count
        return reply

    def _enter(self, method: str, context: Any) -> None:
        double = self._double
        double.requests.append(method)
        for fault in double.rpc_faults:
            if fault[0] == method:
                double.rpc_faults.remove(fault)
                context.abort(fault[1], fault[2])
        told = dict(context.invocation_metadata())
        if double.key and told.get("authorization") != f"Bearer {double.key}":
            context.abort(grpc.StatusCode.UNKNOWN, "extract auth: unauthorized: invalid api key")

    def _stored(self, name: str) -> "Stored":
        stored = self._double.named(name)
        if stored is None:
            raise Invalid(f"could not find class {name} in schema")
        return stored

    def _put(self, sent: Any) -> None:
        stored = self._double.named(sent.collection)
        if stored is None:
            # A real server would by default make a class of that name.
            self._double.complaints.append(f"an object for no class, {sent.collection}")
            raise Invalid(f"could not find class {sent.collection} in schema")
        kinds = {each["name"]: each["dataType"][0] for each in stored.config["properties"]}
        values: dict[str, Any] = {}
        for name, value in sent.properties.non_ref_properties.fields.items():
            values[name] = _primitive(kinds.get(name), value, name)
        for texts in sent.properties.text_array_properties:
            if kinds.get(texts.prop_name) != "text[]":
                raise Invalid(f"invalid text[] property {texts.prop_name!r}")
            values[texts.prop_name] = list(texts.values)
        (vector,) = sent.vectors or (None,)
        if vector is None or vector.name not in stored.config["vectorConfig"]:
            raise Invalid("vector is missing, or of a name that is not configured")
        lengths = {len(each[1]) for each in stored.objects.values()} or {len(vector.vector_bytes)}
        if len(vector.vector_bytes) not in lengths:
            raise Invalid("vector lengths don't match")
        try:
            key = str(uuids.UUID(sent.uuid))
        except ValueError as error:
            raise Invalid(f"invalid UUID {sent.uuid!r}") from error
        stored.objects[key] = (values, bytes(vector.vector_bytes))

    def _matching(self, stored: "Stored", filters: Any) -> list[str]:
        if filters is None:
            return list(stored.objects)
        met = meets(filters, stored.config)
        return [uuid for uuid, (values, _) in stored.objects.items() if met(uuid, values)]

    def _found(self, request: Any) -> Any:
        stored = self._stored(request.collection)
        limit = request.limit or 10
        if request.offset + limit > self._double.most:
            raise Invalid(f"query maximum results exceeded: {limit} > {self._double.most}")
        filters = request.filters if request.HasField("filters") else None
        known = {each["name"] for each in stored.config["properties"]}
        for name in request.properties.non_ref_properties:
            if name not in known:
                raise Invalid(f"no such prop with name {name!r} found in class")
        ranked = [(uuid, {}) for uuid in self._matching(stored, filters)]
        if filters is None:  # what the client's iterator relies on for its first page
            ranked.sort()
        if request.after:
            if filters is not None or request.offset or request.sort_by:
                raise Invalid("where, offset, sort cannot be set with after and limit parameters")
            ranked = [one for one in ranked if one[0] > request.after]
        elif request.HasField("near_vector"):
            ranked = _near(stored, [uuid for uuid, _ in ranked], request.near_vector)
        elif request.HasField("bm25_search"):
            ranked = _bm25(stored, [uuid for uuid, _ in ranked], request.bm25_search)
        for order in reversed(request.sort_by):
            (path,) = order.path
            ranked.sort(key=lambda r: stored.objects[r[0]][0][path], reverse=not order.ascending)
        reply = search_get_pb2.SearchReply()
        for uuid, score in ranked[request.offset : request.offset + limit]:
            _add(reply, request, stored, uuid, score)
        return reply


def _primitive(kind: str | None, value: Any, name: str) -> Any:
    sort = value.WhichOneof("kind")
    if kind == "int" and sort == "number_value":
        if value.number_value != math.floor(value.number_value):
            raise Invalid(f"invalid integer property {name!r}: {value.number_value}")
        return int(value.number_value)
    if kind == "text" and sort == "string_value":
        return value.string_value
    raise Invalid(f"invalid {kind} property {name!r}: a {sort}")


def _near(stored: "Stored", among: list[str], near: Any) -> list[tuple[str, dict[str, float]]]:
    if not among:
        return []
    (sent,) = near.vectors  # as clients send it to servers from 1.29 on
    wanted = np.frombuffer(sent.vector_bytes, np.float32)
    kept = np.stack([np.frombuffer(stored.objects[uuid][1], np.float32) for uuid in among])
    if kept.shape[1] != len(wanted):
        raise Invalid(f"vector lengths don't match: {kept.shape[1]} vs {len(wanted)}")
    lengths = np.linalg.norm(kept, axis=1) * (np.linalg.norm(wanted) or 1)
    distances = 1 - (kept @ wanted) / np.where(lengths > 0, lengths, 1)
    return [(among[n], {"distance": float(distances[n])}) for n in np.argsort(distances)]


def _bm25(stored: "Stored", among: list[str], asked: Any) -> list[tuple[str, dict[str, float]]]:
    (name,) = asked.properties
    told = stored.config["invertedIndexConfig"]["bm25"]
    texts = {uuid: Counter(words(values.get(name, ""))) for uuid, (values, _) in
             stored.objects.items()}  # fmt: skip
    average = sum(each.total() for each in texts.values()) / max(1, len(texts))
    scores: Counter[str] = Counter()
    for word in set(words(asked.query)):
        having = [uuid for uuid, counts in texts.items() if counts[word]]
        rarity = math.log(1 + (len(texts) - len(having) + 0.5) / (len(having) + 0.5))
        for uuid in having:
            often = texts[uuid][word]
            length = 1 - told["b"] + told["b"] * texts[uuid].total() / average
            scores[uuid] += rarity * often * (told["k1"] + 1) / (often + told["k1"] * length)
    wanted = set(among)
    return [(uuid, {"score": score}) for uuid, score in scores.most_common() if uuid in wanted]


def _add(reply: Any, request: Any, stored: "Stored", uuid: str, score: dict[str, float]) -> None:
    values, vector = stored.objects[uuid]
    result = reply.results.add()
    asked = request.metadata
    if asked.uuid:
        result.metadata.id = uuid
        result.metadata.id_as_bytes = uuids.UUID(uuid).bytes
    for name, value in score.items():
        if getattr(asked, name):
            setattr(result.metadata, name, value)
            setattr(result.metadata, f"{name}_present", True)
    (name,) = stored.config["vectorConfig"]
    if asked.vector or name in asked.vectors:
        result.metadata.vectors.add(name=name, vector_bytes=vector, type=1)
    wanted = request.properties
    every = wanted.return_all_nonref_properties or not request.HasField("properties")
    fields = result.properties.non_ref_props.fields
    for each in stored.config["properties"]:
        if every or each["name"] in wanted.non_ref_properties:
            _fill(fields[each["name"]], values.get(each["name"]))


def _fill(field: Any, value: Any) -> None:
    if value is None:
        field.null_value = 0
    elif isinstance(value, int):
        field.int_value = value
    elif isinstance(value, str):
        field.text_value = value
    else:
        field.list_value.text_values.values.extend(value)
