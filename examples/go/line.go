package main

// The server's end of the browsers' one WebSocket each: docs/protocol.md. For one process.

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	unauthorized  = 4401
	noCredentials = 4408
	tryAgainLater = 1013
	// How long a connection may go without credentials, a write may take, and a browser may take to answer a close.
	patience, writeTimeout, closeTimeout = 30 * time.Second, 10 * time.Second, 2 * time.Second
	// Frames that wait for a slow browser; events that are kept for those that come back; topics of one connection.
	// The last: what the tabs of one connection have sent and Hear has not taken.
	maxWaiting, maxLogged, maxTopics, maxHeard = 1_000, 1_000, 500, 500
	// In bytes: of a frame, and of a topic's name.
	maxFrame, maxTopic = 65_536, 200
)

// Session is whose connection it is, until when, and what EndSession calls it.
type Session struct {
	User, ID string
	Expires  time.Time
}

// Refused is the reason why credentials or a topic are refused; the browser shows it. Any other error means "can't tell now".
type Refused string

func (reason Refused) Error() string { return string(reason) }

// Line holds the connections of all browsers. Set both functions before the first; they may block, and have a time limit of yours.
type Line struct {
	Authenticate func(credentials map[string]any) (Session, error)
	MayJoin      func(user, topic string) error
	// Hear takes what a tab sends, one after the other of a connection. What it gives is the acknowledgement. May be nil.
	Hear     func(user, event string, data any) any
	Upgrader websocket.Upgrader

	lock        sync.Mutex
	connections map[*connection]bool
	// Another one after a restart: a cursor of the former life is none of this log's.
	epoch  string
	number int
	log    []logged
}

type logged struct {
	number int
	user   string
	frame  []byte
}

func NewLine() *Line {
	epoch := make([]byte, 4)
	rand.Read(epoch)
	return &Line{connections: map[*connection]bool{}, epoch: hex.EncodeToString(epoch)}
}

var secret = regexp.MustCompile(`^[\w./-]{1,100}$`)

// OriginOf is what the events of a request say of it: a hash of the secret in its header, or "".
func OriginOf(request *http.Request) string {
	header := request.Header.Get("x-partyline-origin")
	if !secret.MatchString(header) {
		return ""
	}
	sum := sha256.Sum256([]byte(header))
	return base64.RawURLEncoding.EncodeToString(sum[:])[:22]
}

// EmitEvent tells all of a user's browsers that something has changed. Call it after the commit, with ids and no data.
func (line *Line) EmitEvent(user, event string, metadata map[string]any, origin string) error {
	line.lock.Lock()
	defer line.lock.Unlock()
	frame, err := frameOf(event, metadata, map[string]any{"id": line.cursor(line.number + 1), "origin": origin})
	if err != nil {
		return err
	}
	line.number++
	line.log = append(line.log, logged{line.number, user, frame})
	if len(line.log) > maxLogged {
		line.log = append([]logged(nil), line.log[len(line.log)-maxLogged/2:]...)
	}
	for one := range line.connections {
		if one.session.User == user {
			one.put(frame)
		}
	}
	return nil
}

// EmitToTopic is the same, for all browsers that have joined a topic.
func (line *Line) EmitToTopic(topic, event string, metadata map[string]any, origin string) error {
	frame, err := frameOf(event, metadata, map[string]any{"origin": origin})
	if err != nil {
		return err
	}
	line.lock.Lock()
	defer line.lock.Unlock()
	for one := range line.connections {
		if one.topics[topic] {
			one.put(frame)
		}
	}
	return nil
}

// EndSession ends the connections of a session; Authenticate has to refuse it by now.
func (line *Line) EndSession(id string) {
	line.lock.Lock()
	defer line.lock.Unlock()
	for one := range line.connections {
		if one.session.ID == id {
			one.refuse("the session has ended", "")
		}
	}
}

func (line *Line) cursor(number int) string { return line.epoch + ":" + strconv.Itoa(number) }

// missed gives the frames since a cursor, or false if the log does not reach back that far.
func (line *Line) missed(user string, cursor any) ([][]byte, bool) {
	text, _ := cursor.(string)
	epoch, digits, _ := strings.Cut(text, ":")
	number, err := strconv.Atoi(digits)
	first := line.number + 1
	if len(line.log) > 0 {
		first = line.log[0].number
	}
	if err != nil || epoch != line.epoch || number < first-1 || number > line.number {
		return nil, false
	}
	frames := [][]byte{}
	for _, one := range line.log {
		if one.number > number && one.user == user {
			frames = append(frames, one.frame)
		}
	}
	return frames, true
}

// ServeHTTP is the WebSocket's address.
func (line *Line) ServeHTTP(response http.ResponseWriter, request *http.Request) {
	// A browser takes a refusal before this for an accident.
	socket, err := line.Upgrader.Upgrade(response, request, nil)
	if err != nil {
		return
	}
	one := &connection{line: line, socket: socket, waiting: make(chan []byte, maxWaiting), heard: make(chan said, maxHeard), topics: map[string]bool{}}
	line.lock.Lock()
	line.connections[one] = true
	one.endAt(time.Now().Add(patience), func() { one.end(noCredentials) })
	line.lock.Unlock()
	go one.write()
	go one.hear()
	one.read()
	close(one.heard)
	line.lock.Lock()
	delete(line.connections, one)
	one.end(websocket.CloseNormalClosure)
	one.timer.Stop()
	line.lock.Unlock()
	socket.Close()
}

// connection is one browser's. The line's lock guards all but its reading.
type connection struct {
	line    *Line
	socket  *websocket.Conn
	session Session
	isIn    bool
	topics  map[string]bool
	waiting chan []byte
	heard   chan said
	over    bool
	code    int
	timer   *time.Timer
}

type frame struct {
	Event    string         `json:"event"`
	Metadata map[string]any `json:"metadata,omitempty"`
}

// said is what a browser says, which may be anything. Request: the number of a question.
type said struct {
	Event    string `json:"event"`
	Metadata any    `json:"metadata"`
	Request  any    `json:"request"`
}

func (one *connection) read() {
	one.socket.SetReadLimit(maxFrame * 2)
	for {
		kind, data, err := one.socket.ReadMessage()
		if err != nil {
			return
		}
		var said said
		// What is no frame is an event without a name.
		if kind != websocket.TextMessage || len(data) > maxFrame || json.Unmarshal(data, &said) != nil {
			continue
		}
		metadata, _ := said.Metadata.(map[string]any)
		if metadata == nil {
			metadata = map[string]any{}
		}
		switch said.Event {
		case "_line:ping":
			one.locked(func() { one.put([]byte(`{"event":"_line:pong"}`)) })
		case "_line:auth":
			one.admit(metadata)
		case "_line:join":
			one.join(topicsIn(metadata["topics"]), metadata["request"])
		case "_line:leave":
			for _, topic := range topicsIn(metadata["topics"]) {
				topic := topic
				one.locked(func() { delete(one.topics, topic) })
			}
		default:
			if said.Event == "" || strings.HasPrefix(said.Event, "_line") || !one.isIn || one.line.Hear == nil {
				continue
			}
			select {
			case one.heard <- said:
			default:
				one.acknowledge(said.Request, map[string]any{"ok": false, "code": "too-many", "message": "too much was sent"})
			}
		}
	}
}

// hear takes what its tabs have sent, in their order. The connection does not wait for it.
func (one *connection) hear() {
	for said := range one.heard {
		one.acknowledge(said.Request, one.line.Hear(one.user(), said.Event, said.Metadata))
	}
}

func (one *connection) user() (user string) {
	one.locked(func() { user = one.session.User })
	return
}

// acknowledge answers a question. What has no number is none.
func (one *connection) acknowledge(request, answer any) {
	number, isNumber := request.(float64)
	if !isNumber {
		return
	}
	text, err := json.Marshal(frame{"_line:answer", map[string]any{"request": number, "data": answer}})
	if err != nil {
		log.Print("what a tab has sent could not be answered: ", err)
		return
	}
	one.locked(func() { one.put(text) })
}

func (one *connection) write() {
	for frame := range one.waiting {
		one.socket.SetWriteDeadline(time.Now().Add(writeTimeout))
		if one.socket.WriteMessage(websocket.TextMessage, frame) != nil {
			one.socket.Close()
			return
		}
	}
	// `end` has set the code before it closed the channel.
	one.socket.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(one.code, ""), time.Now().Add(writeTimeout))
	// A reset, instead of the close that the browser reads, if this were closed while it still sends.
	one.socket.SetReadDeadline(time.Now().Add(closeTimeout))
}

// admit takes the first credentials, or fresh ones over an open connection.
func (one *connection) admit(credentials map[string]any) {
	ours, _ := credentials["_line"].(map[string]any)
	claimed, says := ours["identity"].(string)
	cursor, hasCursor := credentials["cursor"]
	delete(credentials, "_line")
	delete(credentials, "cursor")
	isFirst := !one.isIn
	session, err := one.line.Authenticate(credentials)
	if err == nil && isFirst {
		// From here on EndSession ends it; once more, for what ended while it was looked up.
		one.locked(func() { one.session.ID = session.ID })
		session, err = one.line.Authenticate(credentials)
	}
	one.locked(func() {
		var refused Refused
		switch {
		case errors.As(err, &refused) && isFirst:
			one.refuse(string(refused), "")
		case errors.As(err, &refused):
			one.say(map[string]any{"ok": false, "message": string(refused)})
		case err != nil && isFirst:
			// That says nothing about the credentials.
			log.Print("the credentials could not be checked: ", err)
			one.end(tryAgainLater)
		case err != nil:
			log.Print("the credentials could not be checked: ", err)
			one.say(map[string]any{"ok": false, "message": "try again later", "code": "unavailable"})
		case one.isIn && one.session.User != session.User, says && claimed != session.User:
			one.refuse("these credentials are somebody else's", "wrong-identity")
		default:
			// All under one lock, so no event falls between these words.
			one.session, one.isIn = session, true
			one.endAt(session.Expires, func() { one.refuse("the session has expired", "") })
			one.say(map[string]any{"ok": true})
			one.say(map[string]any{"identity": session.User, "quietForMs": 0})
			if isFirst {
				one.say(map[string]any{"cursor": one.line.cursor(one.line.number)})
			}
			if isFirst && hasCursor {
				frames, isAll := one.line.missed(session.User, cursor)
				for _, frame := range frames {
					one.put(frame)
				}
				one.say(map[string]any{"replayed": isAll})
			}
		}
	})
	if !isFirst {
		one.recheck()
	}
}

func (one *connection) join(topics []string, request any) {
	if !one.isIn {
		return
	}
	number, isNumber := request.(float64)
	for _, topic := range topics {
		topic, denial := topic, one.denialOf(topic)
		one.locked(func() {
			answer := map[string]any{"topic": topic, "ok": denial == nil}
			if denial == nil {
				one.topics[topic] = true
			}
			for name, value := range denial {
				answer[name] = value
			}
			if isNumber {
				answer["request"] = number
			}
			one.say(answer)
		})
	}
}

// recheck asks again for every topic: a right may have been taken away since it was joined.
func (one *connection) recheck() {
	var topics []string
	one.locked(func() {
		for topic := range one.topics {
			topics = append(topics, topic)
		}
	})
	for _, topic := range topics {
		topic, denial := topic, one.denialOf(topic)
		if denial != nil && denial["code"] == nil {
			one.locked(func() {
				delete(one.topics, topic)
				one.say(map[string]any{"topic": topic, "ok": false, "message": denial["message"]})
			})
		}
	}
}

// denialOf says why the user may not join a topic; nil if she may.
func (one *connection) denialOf(topic string) map[string]any {
	if !one.topics[topic] && len(one.topics) >= maxTopics {
		return map[string]any{"message": fmt.Sprintf("more than %d topics", maxTopics)}
	}
	err := one.line.MayJoin(one.session.User, topic)
	var refused Refused
	if errors.As(err, &refused) {
		return map[string]any{"message": string(refused)}
	}
	if err != nil {
		log.Print("it is not known who may join a topic: ", err)
		return map[string]any{"message": "try again later", "code": "unavailable"}
	}
	return nil
}

func (one *connection) locked(act func()) {
	one.line.lock.Lock()
	defer one.line.lock.Unlock()
	act()
}

// What follows is called under the line's lock.

func (one *connection) say(metadata map[string]any) {
	text, _ := json.Marshal(frame{"_line", metadata})
	one.put(text)
}

func (one *connection) put(frame []byte) {
	if one.over {
		return
	}
	select {
	case one.waiting <- frame:
	default:
		// Too slow to follow: it comes back, and has what it missed replayed, or refetches.
		one.end(tryAgainLater)
	}
}

// refuse ends the connection, with the reason in a frame before the close.
func (one *connection) refuse(why, code string) {
	metadata := map[string]any{"ok": false, "message": why}
	if code != "" {
		metadata["code"] = code
	}
	one.say(metadata)
	one.end(unauthorized)
}

func (one *connection) end(code int) {
	if !one.over {
		one.over, one.code = true, code
		close(one.waiting)
	}
}

// endAt calls back at a moment, unless another one is set before.
func (one *connection) endAt(moment time.Time, act func()) {
	if one.timer != nil {
		one.timer.Stop()
	}
	var timer *time.Timer
	timer = time.AfterFunc(time.Until(moment), func() {
		one.locked(func() {
			if one.timer == timer {
				act()
			}
		})
	})
	one.timer = timer
}

func frameOf(event string, metadata, envelope map[string]any) ([]byte, error) {
	if event == "" || strings.HasPrefix(event, "_line") || metadata["_line"] != nil {
		return nil, fmt.Errorf("neither an event nor a field of its metadata is named like _line: %q", event)
	}
	whole := map[string]any{}
	for name, value := range metadata {
		whole[name] = value
	}
	if envelope["origin"] == "" {
		delete(envelope, "origin")
	}
	whole["_line"] = envelope
	text, err := json.Marshal(frame{event, whole})
	if err == nil && len(text) > maxFrame {
		err = fmt.Errorf("the metadata of %s is too large: send the signal, not the data", event)
	}
	return text, err
}

// topicsIn reads the names in a browser's message, which may be anything.
func topicsIn(value any) []string {
	names, _ := value.([]any)
	if len(names) > maxTopics+1 {
		names = names[:maxTopics+1]
	}
	topics, seen := []string{}, map[string]bool{}
	for _, name := range names {
		if topic, ok := name.(string); ok && topic != "" && len(topic) <= maxTopic && !seen[topic] {
			seen[topic] = true
			topics = append(topics, topic)
		}
	}
	return topics
}
