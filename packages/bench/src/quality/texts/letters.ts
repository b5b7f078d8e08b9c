/** Letters, an essay, the news, a speech and a tale in a plainer voice than the first. */
export const letters = `Dear Aunt Philippa,

You asked me to write as soon as I had anything to tell, and then for six weeks I had nothing, so please forgive the long silence and the long letter that comes of it. The island is smaller than it looks on the chart. One can walk around it in the time between two meals, provided that one does not stop to talk to Mr. Sørli, who keeps the weather station and has nobody else to explain it to. I have learned a great deal about hoar frost. I share a house with a botanist from Leeds who labels everything, including the butter, and with two seal counters who speak so little that I took them for a married couple, which they may be.

The work goes well enough. Each morning I row out to the buoy, haul up the bottles, and bring back ten small samples of water that look exactly like ten samples of any other water. In the afternoon I look at them through the microscope until my eyes give out. Last Tuesday there was something in bottle seven that is not in any of the books. It is probably a scrap of something ordinary that had an accident. But I drew it twice, once as I saw it and once as I hoped it was, as you taught me, and the two drawings were not very different.

Please tell Father that the boots are excellent, and do not tell him that I have had to dry them in the oven. I think of your garden every day at the hour when we have our tea, which is to say in the dark.

Your affectionate niece,
Ottilie

WATER RETURNS TO OLD TOWN AFTER NINE DAYS

Taps in the lower districts ran again on Monday evening after repair crews had closed the last of three breaks in the main that supplies the old town. The waterworks asked residents to let cold water run for at least five minutes and to boil what they drink until the end of the week, when the results of the second round of tests are expected. "We know how tired people are of carrying buckets," said Ilse Maric, who heads the works. "I have been carrying them too."

The main was laid in 1911 and had been due for replacement in 2019, but the council put the project off twice in favour of the new swimming hall. Opposition members called for an inquiry. The mayor did not rule one out, but said that it would have to look back further than the present council. About 14,000 households were affected. Schools in the area open again on Wednesday. The tanker lorries on Chapel Square and at the cattle market will stay until Friday, between seven in the morning and nine at night.

On waiting rooms

There is a kind of silence that exists only in waiting rooms. It isn't the silence of people who have nothing to say, for they came with their heads full, and it isn't that of people who do not know each other, since on a train they would have been sharing their plums by now. I believe that it comes from the chairs. In a waiting room all chairs stand with their backs to the wall, as in a duel that has been called off. Everybody faces everybody, nobody has a reason to look anywhere in particular, and so we look at the fish.

My grandmother, who was waiting for one thing or another during most of the century, held that there were two sorts of people: those who bring something to do, and those who bring something to eat. The first regard waiting as time that has been taken from them and must be won back. The second know that it was never theirs. She herself brought both, a sock on four needles and a bag of roasted chickpeas, and within a quarter of an hour she would have the room in conversation, the receptionist included. I have tried it with chickpeas. It works, but not as well; I suspect that the sock was the essential part. A person who is turning a heel cannot look at you, and that is what makes it possible to talk to her.

Perhaps this is why so much is confessed in cars, and over dishes, and to people who are cutting our hair. We speak most freely to those who have good reason to be looking at something else.

Friends, colleagues, and whoever is watching from the gallery because the tickets to the other thing were sold out: thank you. When I started in this building, I was given three pieces of advice. The first was never to lend anybody a torch. The second was that a stage hand who is noticed has made a mistake. And the third, from a man named Bartholomew, who had dropped more scenery than most of us have lifted, was this: "When it goes wrong, and it will, do the next thing slowly." I have passed that on to every apprentice I ever had. I said it to my daughter on the morning of her driving test. I said it to a surgeon once, and he wrote it down. In thirty-eight years I have seen a live goose loose in the second act, a king stuck in a lift, and the moon fall into the orchestra. And every time, somebody in black walked on, without any hurry, and did the next thing slowly. So that is all I have for you tonight. Look after the building. Oil the fly system in October, not in November. And for heaven's sake, label the torches.

The fox who kept accounts

A fox once grew tired of being called a thief, and so he decided to become a merchant. He scratched a line down the middle of a flat stone. On the left side he wrote what he took, and on the right side what he gave. "From now on," he told the hens, "every egg that I carry off will be written down, and in the spring we shall settle." The hens were flattered, because nobody had ever written anything about them before. All winter the left side of the stone filled up. In the spring they came to be paid.

"Gladly," said the fox. "Let us see. I took four hundred and twelve eggs and your sister Agathe. On the other side, I kept away the marten, who is afraid of me. He would have taken six hundred eggs at the least. You owe me a hundred and eighty-eight, but because we are old friends, I will not press you about Agathe."

The hens went home and reckoned until it was dark, and could not find the error. Only the youngest, who was bad at figures, asked whether anybody had ever seen a marten. That night she went to the stone, and because she could not write, she merely turned it over. In the morning the fox found that he had no books. He looked for them everywhere. They say that he became so confused about what he had eaten and what he was owed that he moved to another county, where he is now in insurance.
`;
