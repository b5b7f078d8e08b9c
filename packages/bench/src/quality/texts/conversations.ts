/** People who talk: with an assistant, on a stage, in a transcript and in a chat. */
export const conversations = `User: My tomato plants have yellow leaves at the bottom. The top looks fine. What's wrong?
Assistant: Yellowing that starts with the oldest leaves usually has one of three causes. Nitrogen may be short: the plant takes it out of old leaves to feed new ones, and the whole leaf fades evenly. Magnesium may be short: then the veins stay green while the spaces between them turn yellow. Or the plant is simply shading its own lower leaves, which is harmless. Do the yellow leaves have brown spots with rings?
User: no spots. veins are green i think
Assistant: Then magnesium is the likeliest. Before you buy anything, check how you water. In pots that are kept very wet the roots cannot take up magnesium even if the soil holds plenty of it. If the soil is fine, dissolve a tablespoon of Epsom salt in four litres of water and spray the leaves with it in the evening, once a week for three weeks. The leaves that are yellow already will not recover, so judge by the ones above them.
User: ok and should I cut the yellow ones off?
Assistant: Once they are more than half yellow, yes. Use clean scissors, take two or three at a time, and stop below the lowest cluster of fruit.

User: Write a short toast for my sister's wedding. She's a paramedic, he's a librarian. They met because she fainted giving blood, of all things.
Assistant: Good evening, everyone. For those who don't know me, I'm the brother who was told at age six that he would live, after my sister had bandaged both my arms for practice. Nora has spent her whole life running towards people who are lying on the floor. So it is only fair that when she finally met the right man, she was the one lying down. She had given half a litre of blood and all of her dignity, and the first thing she saw when she opened her eyes was Daniel, holding a biscuit and a book about shipwrecks. He says that he asked whether she was all right. She says that he asked whether she would mind not bleeding on chapter nine. I've known them both long enough to believe her. Nora, Daniel: may your house be loud with sirens only when they are on the television, and quiet only when you are both reading. To the bride and groom!
User: Ha, perfect. Could you make the last line a bit less cheesy?
Assistant: Sure. How about this: "May she always come home, and may he always have kept the light on and her page marked. To Nora and Daniel."

INTERVIEWER: You've said that you never wanted to be a bell founder.
MRS. ABARA: I wanted to be a dentist. My father had the foundry, his aunt had it before him, and I had seen what it did to their knees. But in the summer before I was to leave, he broke his wrist, and there was a bell on order, a small one, two hundred kilos, for a school. So I did what he told me to. I dug the pit, I built up the core with loam and horse dung and goat hair.
INTERVIEWER: Goat hair?
MRS. ABARA: To let the gas out. The mould has to breathe. If it can't breathe, the metal boils, and then you have a very expensive flower pot. Anyway, we poured it on a Friday night, because you can't see the colour of the bronze properly in daylight, and then you wait. You bury it and you wait, and you don't know. You've worked for two months and you don't know whether you have a bell or not. On Tuesday we dug it up, my father knocked the clay away with his good hand, and he gave me the hammer.
INTERVIEWER: And?
MRS. ABARA: And I wrote to the dental school that evening.
INTERVIEWER: What did it sound like?
MRS. ABARA: Flat. [laughs] A good quarter-tone flat. It's still hanging there, I hear it when I visit my cousin. But it was alive, you understand. I'd never made anything before that answered back.

[09:02] priya: morning all. deploy of 4.18 is blocked, the migration test hangs on staging
[09:03] tobias: hangs or is slow? the orders table has 90M rows now
[09:05] priya: no progress in pg_stat_activity for 20 min, waiting on a lock
[09:05] tobias: who holds it
[09:07] priya: an idle transaction from the reporting box. opened at 02:14 and never closed
[09:07] tobias: that's the nightly export again... I can kill it but it'll come back tomorrow
[09:09] mei-lin: That one's mine, sorry! The export script opens a transaction, then uploads to the bucket, and the bucket has been timing out since Sunday. I'll move the upload outside the transaction today.
[09:10] priya: thx. until then can we set idle_in_transaction_session_timeout for that role? 10 minutes or so
[09:11] tobias: done. 600000 ms, only for reporting_ro
[09:14] priya: migration went through in 48 s, tests are green. deploying at 10
[09:15] mei-lin: I owe you both a coffee
[09:15] tobias: you owe us an index on created_at :)

A kitchen. Evening. A kettle on the stove. HALVARD sits at the table with a jigsaw puzzle. His daughter LIV comes in with wet hair and a suitcase.

LIV. The bus was early.
HALVARD. The bus is never early.
LIV. Then I was late, and it waited. (She puts the suitcase down but does not let go of it.) You've moved the clock.
HALVARD. It was in the sun. (Pause.) There's soup.
LIV. I ate.
HALVARD. What did you eat?
LIV. Father.
HALVARD. I'm only asking what people eat on a bus.
LIV. An apple. And half of somebody's sandwich. A man from Tromsø who was on his way to bury his brother. He talked about him for three hours. What he was like, what he was bad at. He could not whistle, the brother, and he tried all his life. And when we got to the bridge, he said: well, that was him, and went to sleep. (She lets go of the suitcase.) I thought, I couldn't do that about you. I couldn't fill twenty minutes.
HALVARD. (fits a piece) Twenty minutes is a good deal.
LIV. Can you whistle?
HALVARD. (after some thought) Your mother could.
LIV. That isn't what I asked.
HALVARD looks up, purses his lips, and blows. No sound. He tries again. The kettle begins to sing. They both turn and look at it.

User: I'm preparing for a job interview as a data analyst and they told me there will be a question about A/B tests. Can you ask me one and then grade my answer?
Assistant: Gladly. Here is one: "We changed the colour of the checkout button and ran a test for three days. Conversion went from 4.0 % to 4.3 %, with a p-value of 0.04. Marketing wants to roll it out tonight. What do you tell them?"
User: I'd say that 0.04 is below 0.05, so it's significant, but three days is short, so maybe there's a weekend effect. I would run it for two full weeks before deciding.
Assistant: A solid start: I'd give it six out of ten. You noticed that three days don't cover a weekly cycle, which is the most important practical point. Three things are missing. First, was the length fixed in advance? If somebody looked every day and stopped when the value fell below 0.05, the true rate of false alarms is far above 5 %. Second, how large is the effect likely to be? Give the interval, not only the p-value; with these numbers it probably runs from just above zero to about 0.6 points, and small samples tend to exaggerate. Third, what does it cost to be wrong? A button colour is easy to take back, so rolling it out while continuing to measure is a respectable answer too. If you add those, and say them in under two minutes, you will do well.
User: How would they have known how long to run it before starting?
Assistant: By a power calculation. You decide on the smallest change that would be worth having, say 0.2 points, and on how often you are willing to miss it, say one time in five. With a base rate of 4 %, detecting 0.2 points at the usual 5 % level takes roughly 155,000 visitors in each group. Divide that by the daily traffic of a group, round up to whole weeks, and you have your answer. If it comes out as eleven months, you have learned something as well: that this test is not worth running.
`;
