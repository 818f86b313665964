package main

// A stand-in for your database: one JSON file. Sessions outlive a restart; tokens do not, and need not.

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"log"
	"os"
	"sync"
	"time"
)

const tokenLife = 15 * time.Minute

var users = map[string]bool{"ann": true, "bob": true}

type Data struct {
	Sessions map[string]string `json:"sessions"`
	Notes    map[string]string `json:"notes"`
	Board    string            `json:"board"`
}

type token struct {
	session string
	expires time.Time
}

type store struct {
	lock   sync.Mutex
	file   string
	tokens map[string]token
}

func openStore() *store {
	file := os.Getenv("DATA_FILE")
	if file == "" {
		file = "data.json"
	}
	return &store{file: file, tokens: map[string]token{}}
}

func (s *store) load() Data {
	data := Data{Sessions: map[string]string{}, Notes: map[string]string{}}
	if text, err := os.ReadFile(s.file); err == nil {
		if err := json.Unmarshal(text, &data); err != nil {
			log.Fatal(err)
		}
	}
	return data
}

func (s *store) change(edit func(*Data)) {
	s.lock.Lock()
	defer s.lock.Unlock()
	data := s.load()
	edit(&data)
	text, _ := json.Marshal(data)
	if err := os.WriteFile(s.file+".new", text, 0o600); err != nil {
		log.Fatal(err)
	}
	os.Rename(s.file+".new", s.file)
}

func random() string {
	bytes := make([]byte, 32)
	rand.Read(bytes)
	return base64.RawURLEncoding.EncodeToString(bytes)
}

func (s *store) beginSession(user string) string {
	session := random()
	s.change(func(data *Data) { data.Sessions[session] = user })
	return session
}

func (s *store) endSession(session string) {
	s.change(func(data *Data) { delete(data.Sessions, session) })
}

func (s *store) userOf(session string) string { return s.load().Sessions[session] }

// makeToken gives what the page's `auth` returns: short-lived, and of one session.
func (s *store) makeToken(session string) map[string]any {
	s.lock.Lock()
	defer s.lock.Unlock()
	for name, one := range s.tokens {
		if time.Now().After(one.expires) {
			delete(s.tokens, name)
		}
	}
	name, expires := random(), time.Now().Add(tokenLife)
	s.tokens[name] = token{session, expires}
	return map[string]any{"token": name, "expiresAt": expires.UnixMilli()}
}

func (s *store) readToken(name string) (Session, error) {
	s.lock.Lock()
	one, ok := s.tokens[name]
	s.lock.Unlock()
	user := s.userOf(one.session)
	if !ok || user == "" || time.Now().After(one.expires) {
		return Session{}, Refused("token unknown or expired")
	}
	return Session{User: user, ID: one.session, Expires: one.expires}, nil
}
