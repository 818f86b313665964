// Notes in Go: a REST API, and one plain WebSocket for each browser.
package main

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"os"
)

func main() {
	store := openStore()
	line := NewLine()
	line.Authenticate = func(credentials map[string]any) (Session, error) {
		token, _ := credentials["token"].(string)
		return store.readToken(token)
	}
	line.MayJoin = func(user, topic string) error {
		if topic != "board" {
			return Refused("there is no such topic")
		}
		return nil
	}
	// What a page sends by `line.send`. What it gives is the acknowledgement; `ok: false` says no.
	line.Hear = func(user, event string, data any) any {
		if event != "chat:say" {
			return map[string]any{"ok": false, "code": "unknown", "message": "there is no such event"}
		}
		fields, _ := data.(map[string]any)
		if text, _ := fields["text"].(string); text == "" {
			return map[string]any{"ok": false, "code": "empty", "message": "Write something first"}
		}
		id := make([]byte, 16)
		rand.Read(id)
		return map[string]any{"id": hex.EncodeToString(id)}
	}
	http.Handle("/line", line)

	http.HandleFunc("/api/session", func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case "POST":
			var body struct{ Name string }
			// An example: there are no passwords.
			if json.NewDecoder(http.MaxBytesReader(w, r.Body, 10_000)).Decode(&body) != nil || !users[body.Name] {
				http.Error(w, "who?", http.StatusUnauthorized)
				return
			}
			session := store.beginSession(body.Name)
			http.SetCookie(w, &http.Cookie{Name: "session", Value: session, HttpOnly: true, Path: "/", SameSite: http.SameSiteLaxMode})
			answer(w, map[string]string{"id": body.Name})
		case "DELETE":
			// First the session, so that its tokens are refused; then what is open.
			session := sessionOf(r)
			store.endSession(session)
			line.EndSession(session)
			answer(w, nil)
		default:
			if user := store.userOf(sessionOf(r)); user != "" {
				answer(w, map[string]string{"id": user})
			} else {
				answer(w, nil)
			}
		}
	})

	signedIn := func(path string, handle func(w http.ResponseWriter, r *http.Request, user string)) {
		http.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if user := store.userOf(sessionOf(r)); user != "" {
				handle(w, r, user)
			} else {
				http.Error(w, "please sign in", http.StatusUnauthorized)
			}
		})
	}
	signedIn("/api/line-token", func(w http.ResponseWriter, r *http.Request, _ string) {
		answer(w, store.makeToken(sessionOf(r)))
	})
	signedIn("/api/note", func(w http.ResponseWriter, r *http.Request, user string) {
		text, err := textIn(w, r)
		if err == nil && r.Method == "PUT" {
			store.change(func(data *Data) { data.Notes[user] = text })
			err = line.EmitEvent(user, "note_changed", nil, OriginOf(r))
		}
		reply(w, store.load().Notes[user], err)
	})
	signedIn("/api/board", func(w http.ResponseWriter, r *http.Request, _ string) {
		text, err := textIn(w, r)
		if err == nil && r.Method == "PUT" {
			store.change(func(data *Data) { data.Board = text })
			err = line.EmitToTopic("board", "board_changed", nil, OriginOf(r))
		}
		reply(w, store.load().Board, err)
	})

	port := os.Getenv("PORT")
	if port == "" {
		port = "8000"
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:"+port, nil))
}

func sessionOf(r *http.Request) string {
	if cookie, err := r.Cookie("session"); err == nil {
		return cookie.Value
	}
	return ""
}

func textIn(w http.ResponseWriter, r *http.Request) (string, error) {
	var body struct{ Text *string }
	if r.Method != "PUT" {
		return "", nil
	}
	if json.NewDecoder(http.MaxBytesReader(w, r.Body, 10_000)).Decode(&body) != nil || body.Text == nil {
		return "", errors.New("no text")
	}
	return *body.Text, nil
}

func reply(w http.ResponseWriter, text string, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer(w, map[string]string{"text": text})
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("content-type", "application/json")
	json.NewEncoder(w).Encode(value)
}
